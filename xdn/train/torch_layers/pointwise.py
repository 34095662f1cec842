"""Layers that are one function of each element, in PyTorch: as the layer's own file says."""

from typing import cast

from torch import Tensor
from torch.nn import functional

from xdn.layers.function import Function, functions
from xdn.train.torch_layers.base import Given, refuse_gradient, torch_layer


@torch_layer(*(cls.type for cls in functions()))
def function(params: Function, given: Given) -> Tensor:
    """The function, into the bottom where it may; UnsupportedError for a gradient of one that jumps, as in Caffe."""
    if params.always_jumps:
        refuse_gradient(given.bottoms)
    compute = params.torch_in_place if given.overwrite else params.torch
    return cast(Tensor, compute(functional, given.x))
