"""The table of PyTorch functions."""

import torch

from xdn.graph import Blob
from xdn.layers.base import LAYERS
from xdn.train.torch_layers.base import TORCH_LAYERS, blobs_of


def test_every_layer_type_is_there():
    computed = {params.type for _, params in LAYERS.items() if not params.is_input}
    assert computed == set(TORCH_LAYERS)


def test_every_function_is_documented():
    assert all(entry.compute.__doc__ for _, entry in TORCH_LAYERS.items())


def test_blobs_have_the_tensors_shapes():
    assert blobs_of([torch.zeros(2, 3), torch.zeros(1)]) == [Blob((2, 3)), Blob((1,))]
