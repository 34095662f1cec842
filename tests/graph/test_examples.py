"""Values of inputs for which layers ask."""

import numpy as np

from tests.kernels.checks import input_layer, make_params
from xdn.graph import Layer, Net
from xdn.graph.examples import examples


def test_only_inputs_that_a_layer_asks_something_of_get_values():
    pool = Layer("p", make_params("ROIPooling", pooled_h=1, pooled_w=1), ("x", "rois"), ("p",))
    net = Net("n", (input_layer("x", 3, 6, 9), input_layer("rois", 5), input_layer("free", 7), pool))
    shapes = {"x": (2, 3, 6, 9), "rois": (40, 5), "free": (2, 7)}
    found = examples(net, shapes, np.random.default_rng(0))
    assert list(found) == ["rois"]
    index, left, top, right, bottom = found["rois"].T
    assert found["rois"].shape == (40, 5)
    assert set(index) <= {0, 1}
    assert (left <= right).all()
    assert (top <= bottom).all()
    assert 0 <= left.min() <= right.max() < 9
    assert 0 <= top.min() <= bottom.max() < 6
