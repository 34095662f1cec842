import pytest
from onnx import AttributeProto, TensorProto, helper

from tests.frontend.onnx.read.onnx_models import model_of
from xdn.errors import NetError
from xdn.frontend.onnx.read import schema
from xdn.frontend.onnx.read.net import net_of


def test_nodes_that_are_not_what_their_operator_takes():
    nodes = {
        "it has 2 inputs; it takes 1 to 1": helper.make_node("Relu", ["x", "x"], ["y"]),
        "an attribute 'strange'": helper.make_node("Relu", ["x"], ["y"], strange=1),
        "'alpha' is of another type": helper.make_node("Elu", ["x"], ["y"], alpha=1),
        "'size' is missing": helper.make_node("LRN", ["x"], ["y"]),
    }
    for message, node in nodes.items():
        with pytest.raises(NetError, match=message):
            net_of(model_of([node], {"x": (1, 3, 4, 4)}), "m")


def test_an_attribute_that_refers_to_one_of_a_function():
    node = helper.make_node("Elu", ["x"], ["y"])
    node.attribute.add(name="alpha", ref_attr_name="a", type=AttributeProto.FLOAT)
    with pytest.raises(NetError, match="'alpha' has no value"):
        net_of(model_of([node], {"x": (1, 3)}), "m")


def test_operators_that_came_later():
    """They are checked by what they are now."""
    with pytest.raises(NetError, match="'num_groups' is missing"):
        schema.check(helper.make_node("GroupNormalization", ["x", "s", "b"], ["y"]), 17)


def test_operators_that_onnx_does_not_have():
    schema.check(helper.make_node("Fancy", ["x"], ["y"], strange=1), 17)


def test_the_types_of_outputs():
    def types(node, *inputs):
        return schema.output_types(node, 21, lambda index: inputs[index])

    f32, i64, u8, half = TensorProto.FLOAT, TensorProto.INT64, TensorProto.UINT8, TensorProto.FLOAT16
    assert types(helper.make_node("Less", ["a", "b"], ["y"]), f32, f32) == {"y": TensorProto.BOOL}
    assert types(helper.make_node("Where", ["c", "a", "b"], ["y"]), TensorProto.BOOL, f32, f32) == {"y": f32}
    assert types(helper.make_node("TopK", ["x", "k"], ["v", "i"]), half, i64) == {"v": half, "i": i64}
    assert types(helper.make_node("Concat", ["a", "b"], ["y"], axis=1), i64, i64) == {"y": i64}
    assert types(helper.make_node("Cast", ["a"], ["y"], to=u8), f32) == {"y": u8}
    assert types(helper.make_node("EyeLike", ["a"], ["y"]), i64) == {"y": f32}
    assert types(helper.make_node("QuantizeLinear", ["a", "s"], ["y"]), f32, f32) == {}
    assert types(helper.make_node("Fancy", ["a"], ["y"]), f32) == {}
