import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.frontend.onnx.read.onnx_models import check, model_of

COMPARISONS = ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"]


def _truth(op, inputs, constants=None):
    """Assert that ONNX Runtime agrees on the truth values of an operator, as numbers; return the layers' types."""
    nodes = [
        helper.make_node(op, ["x", "z"], ["truth"]),
        helper.make_node("Cast", ["truth"], ["y"], to=TensorProto.FLOAT),
    ]
    return [layer.type for layer in check(model_of(nodes, inputs, constants), batches=()).layers]


@pytest.mark.parametrize("op", COMPARISONS)
@pytest.mark.parametrize("other", [(3, 2, 3), (3, 1, 3), (3,)])
def test_comparisons(op, other):
    assert _truth(op, {"x": (3, 2, 3), "z": other})[-2] == "Binary"


@pytest.mark.parametrize("op", COMPARISONS)
@pytest.mark.parametrize("number", ["x", "z"])
def test_comparisons_with_one_number(op, number):
    (given,) = {"x", "z"} - {number}
    layer = _truth(op, {given: (2, 3)}, {number: np.array(0.25, np.float32)})[-2]
    assert layer == ("Threshold" if op == {"x": "Less", "z": "Greater"}[number] else "Comparison")


@pytest.mark.parametrize(("op", "layer"), [("And", "Eltwise"), ("Or", "Eltwise"), ("Xor", "Binary")])
def test_connectives(op, layer):
    nodes = [
        helper.make_node("Greater", ["x", "none"], ["a"]),
        helper.make_node("Less", ["z", "none"], ["b"]),
        helper.make_node(op, ["a", "b"], ["truth"]),
        helper.make_node("Not", ["truth"], ["not"]),
        helper.make_node("Cast", ["not"], ["y"], to=TensorProto.FLOAT),
    ]
    none = {"none": np.array(0, np.float32)}
    net = check(model_of(nodes, {"x": (2, 3, 4), "z": (2, 3, 4)}, none))
    assert layer in [each.type for each in net.layers]
    check(model_of(nodes, {"x": (3, 3, 3), "z": (3,)}, none), batches=())
