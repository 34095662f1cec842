"""A layer: frozen weights, and the epilogue that post-fusion appends."""

import numpy as np
import pytest

from tests.graph.nets import conv_layer
from xdn.graph import Epilogue


@pytest.fixture
def layer():
    return conv_layer()


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


def test_own_bottoms_leave_the_residual_out(layer):
    fused = layer.replace(bottoms=("data", "shortcut"), epilogue=Epilogue(residual=True))
    assert fused.own_bottoms == ("data",)
    assert fused.added_bottoms == ("shortcut",)
    assert fused.replace(epilogue=Epilogue()).own_bottoms == ("data", "shortcut")
    assert fused.replace(epilogue=None).own_bottoms == ("data", "shortcut")
