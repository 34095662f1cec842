import numpy as np
import pytest
from onnx import helper

from tests.frontend.onnx.read.onnx_models import f32, i64, model_of, one_node
from tests.layers.test_nonmaxsuppression import BOXES, SCORES
from xdn.errors import ShapeError
from xdn.frontend.onnx.read.net import net_of
from xdn.runtime.session import Session


def test_non_max_suppression():
    """A session gives as many rows as there are."""
    nodes = [helper.make_node("NonMaxSuppression", ["b", "s", "most", "overlap", "score"], ["y"])]
    constants = {"most": i64(2), "overlap": np.float32([0.5]), "score": np.float32([0.45])}
    net = net_of(model_of(nodes, {"b": (1, 3, 4), "s": (1, 2, 3)}, constants), "m")
    (found,) = Session(net, threads=1).run(None, {"b": BOXES, "s": SCORES})
    assert found.tolist() == [[0, 0, 1], [0, 1, 0]]


def test_what_is_refused():
    constants = {"s": f32(1, 2, 3), "most": i64(1), "overlap": np.float32([1.5])}
    with pytest.raises(ShapeError, match=r"1 boxes of a class, whose overlaps are at most 1\.5"):
        net_of(one_node("NonMaxSuppression", (1, 3, 4), constants), "m")
