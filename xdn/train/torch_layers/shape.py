"""Layers that lay values out anew, in PyTorch: Concat, Flatten, Reshape."""

import torch
from torch import Tensor

from xdn.layers.concat import Concat
from xdn.layers.flatten import Flatten
from xdn.layers.reshape import Reshape
from xdn.train.torch_layers.base import Given, torch_layer


@torch_layer("Concat", fresh=True)
def concat(params: Concat, given: Given) -> Tensor:
    """Concatenate along the same axis."""
    return torch.cat(list(given.bottoms), params.along(given.blobs[0]))


@torch_layer("Flatten", "Reshape")
def reshape(params: Flatten | Reshape, given: Given) -> Tensor:
    """The shape that the layer's own rule gives for these bottoms."""
    (top,) = params.infer(given.blobs, 1)
    return given.x.reshape(top.shape)
