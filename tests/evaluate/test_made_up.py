"""Made-up inputs: seeded, of any rank, sensible where layers ask for something."""

import numpy as np
import pytest

from xdn.evaluate.made_up import made_up_feed
from xdn.graph import Layer, Net
from xdn.layers import LAYERS


def inputs(**shapes):
    return [Layer(name, LAYERS["Input"](shape=(shape,)), (), (name,)) for name, shape in shapes.items()]


def test_any_inputs_get_standard_normal_values():
    shapes = {"image": (1, 3, 40, 40), "film": (1, 3, 4, 20, 20), "row": (1, 1000), "flags": (1,)}
    net = Net("net", (*inputs(**shapes), Layer("r", LAYERS["ReLU"](), ("row",), ("r",))))
    feed = made_up_feed(net, 2)
    assert {name: array.shape for name, array in feed.items()} == {n: (2, *s[1:]) for n, s in shapes.items()}
    assert all(array.dtype == np.float32 for array in feed.values())
    for name in ("image", "film", "row"):
        assert abs(feed[name].mean()) < 0.1
        assert 0.9 < feed[name].std() < 1.1
    again = made_up_feed(net, 2)
    assert all(np.array_equal(feed[name], again[name]) for name in feed)


def test_inputs_of_another_batch_keep_it():
    made = Net("net", tuple(inputs(data=(1, 3, 4, 4), rois=(30, 5))))
    assert {name: array.shape for name, array in made_up_feed(made, 4).items()} == {
        "data": (4, 3, 4, 4), "rois": (30, 5),
    }  # fmt: skip


def detector(pooling, **params):
    layers = inputs(data=(1, 18, 30, 50), rois=(30, 5))
    return Net("net", (*layers, Layer("roi", LAYERS[pooling](**params), ("data", "rois"), ("roi",))))


@pytest.mark.parametrize(
    ("pooling", "params"),
    [
        ("ROIPooling", {"pooled_h": 2, "pooled_w": 2}),
        ("PSROIPooling", {"spatial_scale": 1.0, "output_dim": 2, "group_size": 3}),
    ],
)
def test_regions_lie_within_the_image(pooling, params):
    net = detector(pooling, **params)
    rois = made_up_feed(net, 1)["rois"]
    assert (rois[:, 0] == 0).all()
    assert (rois[:, 1] <= rois[:, 3]).all()
    assert (rois[:, 2] <= rois[:, 4]).all()
    assert rois[:, 1:].min() >= 0
    assert 40 < rois[:, [1, 3]].max() < 50
    assert 20 < rois[:, [2, 4]].max() < 30


def test_the_size_of_the_image_is_told():
    scores, deltas = (
        Layer("s", LAYERS["Convolution"](num_output=18, kernel_size=(1,)), ("data",), ("s",)),
        Layer("d", LAYERS["Convolution"](num_output=36, kernel_size=(1,)), ("data",), ("d",)),
    )
    proposal = Layer("rois", LAYERS["Proposal"](), ("s", "d", "info"), ("rois",))
    net = Net("net", (*inputs(data=(1, 3, 30, 50), info=(1, 3)), scores, deltas, proposal))
    assert made_up_feed(net, 1)["info"].tolist() == [[30, 50, 1]]


def test_numbers_of_rows_are_spread_over_the_table():
    embed = Layer("e", LAYERS["Embed"](num_output=2, input_dim=100), ("words",), ("e",))
    words = made_up_feed(Net("net", (*inputs(words=(1, 2000)), embed)), 1)["words"]
    assert np.array_equal(words, np.trunc(words))
    assert (words.min(), words.max()) == (0, 99)
