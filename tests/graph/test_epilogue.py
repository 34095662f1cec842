"""What post-fusion appends to a layer: a residual or a projection is added, then the activation."""

import numpy as np
import pytest

from tests.graph.nets import conv_layer, weights_of
from xdn.graph import Blob, Epilogue
from xdn.graph.epilogue import prefixed, projection_weights
from xdn.layers.convolution import Convolution
from xdn.layers.elu import ELU
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.layers.sigmoid import Sigmoid


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("activation", [None, ReLU(), ReLU(negative_slope=0.25), ELU(alpha=0.5), PReLU(), Sigmoid()])
def test_the_epilogue_adds_then_activates(rng, residual, activation):
    layer = conv_layer()
    x, shortcut = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, 3, 5, 5), (2, 4, 5, 5)))
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
def test_the_epilogue_adds_a_projection_then_activates(rng, bias):
    layer = conv_layer()
    x, shortcut = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, 3, 5, 5), (2, 5, 9, 10)))
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
