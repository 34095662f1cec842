import numpy as np
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from tests.frontend.onnx.read.onnx_models import f32, model_of
from xdn.errors import NetError, UnsupportedError
from xdn.frontend.onnx.read.net import net_of


def attention(shape, opset=23, **attributes):
    """Return a model of two Attentions, one after the other, whose second has the first one's result as its values."""
    nodes = [
        helper.make_node("Attention", ["q", "k", "v"], ["a"], **attributes),
        helper.make_node("Attention", ["q", "k", "a"], ["y"], **attributes),
    ]
    return model_of(nodes, dict.fromkeys("qkv", shape), opset=opset)


@pytest.mark.parametrize("attributes", [{}, {"is_causal": 1, "softcap": 2.0}], ids=repr)
def test_attention(attributes):
    """Names within one function are not those within another; the batch stays free."""
    model = attention(("n", 2, 4, 8), **attributes)
    feed = {name: f32(3, 2, 4, 8, seed=number) for number, name in enumerate("qkv")}
    (wanted,) = ReferenceEvaluator(model).run(None, feed)
    np.testing.assert_allclose(net_of(model, "m").with_batch(3).forward(feed)["y"], wanted, rtol=1e-5)


def test_what_a_reader_refuses_is_read_as_a_function():
    """Means over images and positions, of the one batch that the model states."""
    model = model_of([helper.make_node("MeanVarianceNormalization", ["x"], ["y"])], {"x": (2, 3, 4, 4)})
    x = f32(2, 3, 4, 4)
    (wanted,) = ReferenceEvaluator(model).run(None, {"x": x})
    np.testing.assert_allclose(net_of(model, "m").forward({"x": x})["y"], wanted, rtol=1e-4, atol=1e-4)


def test_what_is_refused_of_a_function():
    """Of an operator that is made of others the first one that is not read; an operator set without it has none."""
    ids = helper.make_tensor_value_info("ids", 7, (1, 4))
    model = model_of(
        [helper.make_node("RotaryEmbedding", ["x", "c", "c", "ids"], ["y"])], {"x": (1, 2, 4, 8)}, opset=23
    )
    model.graph.input.extend([ids, helper.make_tensor_value_info("c", 1, ("n", 4))])
    with pytest.raises(UnsupportedError, match=r"(RotaryEmbedding\): what it is made of is not read: node 'y)"):
        net_of(model, "m")
    with pytest.raises(UnsupportedError, match=r"\(Attention\): there is no function for what it is given"):
        net_of(attention((1, 2, 4, 8), opset=22), "m")


def _branch(name, node):
    """Return a graph that reads `x` of the graph around it, with a constant of its own."""
    return helper.make_graph([node], name, [], [helper.make_tensor_value_info(node.output[0], 1, None)], [ONE])


ONE = numpy_helper.from_array(np.ones(1, np.float32), "one")


@pytest.mark.parametrize("chosen", [True, False])
def test_a_branch_that_a_constant_chooses(chosen):
    """It may lie within another one, and names within it are its own."""
    add = _branch("then", helper.make_node("Add", ["x", "one"], ["a"]))
    nothing = _branch("else", helper.make_node("Identity", ["x"], ["a"]))
    inner = helper.make_node("If", ["c"], ["b"], then_branch=add, else_branch=nothing)
    outer = _branch("then", inner)
    node = helper.make_node("If", ["c"], ["a"], then_branch=outer, else_branch=nothing)
    model = model_of([node, helper.make_node("Relu", ["a"], ["y"])], {"x": ("n", 3)}, {"c": np.array(chosen)})
    x = f32(2, 3)
    np.testing.assert_array_equal(net_of(model, "m").with_batch(2).forward({"x": x})["y"], x + chosen)


def test_branches_that_are_refused():
    branch = _branch("then", helper.make_node("Add", ["x", "one"], ["a"]))
    node = helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    with pytest.raises(UnsupportedError, match=r"\(If\): its condition must be a constant"):
        net_of(model_of([node], {"x": ("n", 3)}), "m")
    two = helper.make_node("If", ["c"], ["y", "z"], then_branch=branch, else_branch=branch)
    with pytest.raises(NetError, match="it has 2 outputs, and its branch 1"):
        net_of(model_of([two], {"x": ("n", 3)}, {"c": np.array(True)}), "m")
