import numpy as np
import pytest
from onnx import helper

from tests.frontend.onnx.read.onnx_models import check, check_node, check_refused, i64, model_of, one_node
from xdn.frontend.onnx.read.net import net_of

REDUCTIONS = ["ReduceMean", "ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceMax", "ReduceMin"]


@pytest.mark.parametrize("op", REDUCTIONS)
@pytest.mark.parametrize("axes", [[2, 3], [1], [-1], [1, 3]])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reductions(op, axes, keepdims):
    check_node(op, (2, 3, 4, 5), opset=11, axes=axes, keepdims=keepdims)


def test_positions_are_pooled():
    assert check_node("ReduceMean", (2, 3, 4, 5), axes=[2, 3])[0] == "Pooling"


def test_over_the_batch():
    check_refused("ReduceMean", (2, 3), axes=[0], reason="along the batch")


@pytest.mark.parametrize("op", ["ReduceLogSum", "ReduceLogSumExp"])
@pytest.mark.parametrize("axes", [[2, 3], [-2]])
def test_logarithms_of_sums(op, axes):
    node = helper.make_node(op, ["positive"], ["y"], axes=axes, keepdims=0)
    check(model_of([helper.make_node("Exp", ["x"], ["positive"]), node], {"x": (2, 3, 4, 5)}))
    check_refused(op, (2, 3), axes=[0], reason="along the batch")


@pytest.mark.parametrize("extent", [1, 2, 7])
def test_products(extent):
    check_node("ReduceProd", (2, 3, extent), {"axes": i64(-1)}, opset=18)
    check_node("ReduceProd", (2, extent, 3), {"axes": i64(2, 1)}, opset=18, keepdims=0)


def test_largest_values_that_are_infinite():
    x = np.float32([[-np.inf, -np.inf], [-np.inf, 1]])
    found = net_of(one_node("ReduceMax", ("n", 2), axes=[1]), "m").forward({"x": x})["y"]
    np.testing.assert_array_equal(found, [[-np.inf], [1]])
