"""A layer: frozen weights, and the epilogue that post-fusion appends."""

import numpy as np
import pytest

from tests.graph.nets import weights_of
from xdn.graph import Blob, ChannelRule, Epilogue, Layer
from xdn.graph.layer import prefixed, projection_weights
from xdn.layers.convolution import Convolution
from xdn.layers.elu import ELU
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.layers.sigmoid import Sigmoid

PARAMS = Convolution(num_output=4, kernel_size=(3,), pad=(1,))
BOTTOM = Blob((2, 3, 5, 5))


@pytest.fixture
def layer():
    return Layer("conv", PARAMS, ("data",), ("conv",), weights_of(PARAMS, [BOTTOM]))


def test_weights_are_read_only(layer):
    with pytest.raises(ValueError, match="read-only"):
        layer.weights["bias"][0] = 1
    with pytest.raises(TypeError):
        layer.weights["bias"] = np.zeros(4)


def test_replace_leaves_the_layer_as_it_was(layer):
    other = layer.replace(name="other", weights={})
    assert (other.name, other.type, dict(other.weights)) == ("other", "Convolution", {})
    assert layer.name == "conv"
    assert set(layer.weights) == {"weight", "bias"}


def test_layers_are_compared_by_identity(layer):
    assert layer != layer.replace()
    assert len({layer, layer.replace()}) == 2


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("activation", [None, ReLU(), ReLU(negative_slope=0.25), ELU(alpha=0.5), PReLU(), Sigmoid()])
def test_the_epilogue_adds_then_activates(layer, rng, residual, activation):
    x, shortcut = (rng.standard_normal(shape).astype(np.float32) for shape in (BOTTOM.shape, (2, 4, 5, 5)))
    slope = rng.standard_normal(4).astype(np.float32)
    (plain,) = layer.forward([x])
    expected = plain + shortcut if residual else plain
    if activation:
        (expected,) = activation.reference([expected], {"slope": slope}, 1)
    bottoms = ("data", "shortcut") if residual else ("data",)
    weights = layer.weights | {"slope": slope}
    fused = layer.replace(bottoms=bottoms, weights=weights, epilogue=Epilogue(residual, activation))
    (top,) = fused.forward([x, shortcut] if residual else [x])
    np.testing.assert_array_equal(top, expected)
    assert top.dtype == np.float32
    assert fused.epilogue.parts == ("sum",) * residual + ((activation.type,) if activation else ())


@pytest.mark.parametrize("bias", [False, True])
def test_the_epilogue_adds_a_projection_then_activates(layer, rng, bias):
    x, shortcut = (rng.standard_normal(shape).astype(np.float32) for shape in (BOTTOM.shape, (2, 5, 9, 10)))
    projection = Convolution(num_output=4, kernel_size=(1,), stride=(2,), bias_term=bias)
    given = weights_of(projection, [Blob(shortcut.shape)])
    slope = rng.standard_normal(4).astype(np.float32)
    (plain,), (added,) = layer.forward([x]), projection.reference([shortcut], given, 1)
    (expected,) = PReLU().reference([plain + added], {"slope": slope}, 1)
    fused = layer.replace(
        bottoms=("data", "shortcut"),
        weights={**prefixed(given), **layer.weights, "slope": slope},
        epilogue=Epilogue(activation=PReLU(), projection=projection),
    )
    np.testing.assert_array_equal(fused.forward([x, shortcut])[0], expected)
    assert list(fused.weights) == ["weight", "bias", "slope", *prefixed(given)]
    assert {name: id(array) for name, array in projection_weights(fused.weights).items()} == {
        name: id(array) for name, array in given.items()
    }
    assert fused.epilogue.parts == ("projection", "PReLU")
    assert fused.own_bottoms == ("data",)
    assert fused.added_bottoms == ("shortcut",)
    assert fused.projection == projection
    assert fused.residual is None


def test_own_bottoms_leave_the_residual_out(layer):
    fused = layer.replace(bottoms=("data", "shortcut"), epilogue=Epilogue(residual=True))
    assert fused.own_bottoms == ("data",)
    assert fused.added_bottoms == ("shortcut",)
    assert fused.replace(epilogue=Epilogue()).own_bottoms == ("data", "shortcut")
    assert fused.replace(epilogue=None).own_bottoms == ("data", "shortcut")


def test_without_a_channel_axis_channels_are_fixed():
    assert ReLU().channel_rule_for([Blob((2, 3))]) is ChannelRule.CARRIED
    assert ReLU().channel_rule_for([Blob((2,))]) is ChannelRule.FIXED
    assert ReLU().channel_map(0, [Blob((2, 3))]).tolist() == [0, 1, 2]


def test_a_layer_without_rules_of_its_own_ties_and_narrows_nothing():
    assert [labels.tolist() for labels in InnerProduct(num_output=2).tied_channels([BOTTOM])] == [[0, 1], [2, 3, 4]]
    relu = ReLU()
    assert relu.weight_channels([BOTTOM]) == {}
    assert relu.narrowed(2, 2, [BOTTOM]) is relu
    with pytest.raises(NotImplementedError, match="ReLU has no filters"):
        relu.columns(np.zeros(BOTTOM.shape, np.float32), np.arange(2))
