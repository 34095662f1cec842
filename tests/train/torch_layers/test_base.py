"""The table of PyTorch functions."""

import pytest
import torch

from xdn.errors import UnsupportedError
from xdn.graph import Blob
from xdn.layers.base import LAYERS
from xdn.train.torch_layers.base import TORCH_LAYERS, Given, Mode, refuse_gradient


def test_every_layer_type_is_there():
    """But the one that makes integers: nets with these are not trained, and say so. None that is read has a block."""
    computed = {params.type for _, params in LAYERS.items() if not params.is_input}
    assert computed - {"Quantize", "DenseBlock"} == set(TORCH_LAYERS)


def test_every_function_is_documented():
    assert all(entry.compute.__doc__ for _, entry in TORCH_LAYERS.items())


def test_blobs_have_the_tensors_shapes():
    given = Given([torch.zeros(2, 3), torch.zeros(1)], {}, Mode(), n_tops=1, overwrite=False)
    assert given.blobs == [Blob((2, 3)), Blob((1,))]
    assert given.x is given.bottoms[0]


def test_a_gradient_is_refused():
    bottoms = [torch.zeros(1), torch.zeros(1, requires_grad=True)]
    refuse_gradient(bottoms[:1])
    with torch.no_grad():
        refuse_gradient(bottoms)
    with pytest.raises(UnsupportedError, match="no gradient passes"):
        refuse_gradient(bottoms)
