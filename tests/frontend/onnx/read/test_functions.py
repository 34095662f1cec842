import numpy as np
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from tests.frontend.onnx.read.onnx_models import f32, model_of
from xdn.errors import UnsupportedError
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
