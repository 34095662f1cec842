"""Layers that lay values out anew, in PyTorch: Concat, Flatten, Reshape."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from xdn.layers.concat import Concat
from xdn.layers.flatten import Flatten
from xdn.layers.reshape import Reshape
from xdn.train.torch_layers.base import Mode, blobs_of, torch_layer


@torch_layer("Concat", fresh=True)
def concat(params: Concat, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Concatenate along the same axis."""
    return torch.cat(list(bottoms), params.along(blobs_of(bottoms)[0]))


@torch_layer("Flatten", "Reshape")
def reshape(params: Flatten | Reshape, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """The shape that the layer's own rule gives for these bottoms."""
    (top,) = params.infer(blobs_of(bottoms), 1)
    return bottoms[0].reshape(top.shape)
