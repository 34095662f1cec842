import numpy as np
import pytest
from onnx import helper

from tests.frontend.onnx.read.onnx_models import i64
from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.fold import folded


def test_constants_are_computed():
    (found,) = folded(helper.make_node("Add", ["a", "b"], ["y"]), [i64(1, 2), i64(3, 4)], 17)
    np.testing.assert_array_equal(found, [4, 6])
    (found,) = folded(helper.make_node("Constant", [], ["y"], value_floats=[1.0, 2.0]), [], 17)
    np.testing.assert_array_equal(found, np.float32([1, 2]))


def test_a_constant_that_is_too_large():
    huge = i64(1 << 20, 1 << 20)
    for op, inputs in (("ConstantOfShape", [huge]), ("Expand", [np.float32([1]), huge])):
        node = helper.make_node(op, [f"i{number}" for number in range(len(inputs))], ["y"])
        with pytest.raises(ShapeError, match="too large"):
            folded(node, inputs, 17)


def test_what_cannot_be_computed():
    body = helper.make_graph([], "body", [], [])
    node = helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body)
    assert folded(node, [np.array(True)], 17) is None
    with pytest.raises(UnsupportedError, match="cannot be computed"):
        folded(helper.make_node("Gather", ["a", "i"], ["y"]), [i64(1, 2), i64(5)], 17)
