"""Layers that work element by element, in PyTorch: PReLU, Dropout, and functions as their own files say."""

from typing import cast

from torch import Tensor
from torch.nn import functional as F

from xdn.layers.dropout import Dropout
from xdn.layers.function import Function, functions
from xdn.layers.prelu import PReLU
from xdn.train.torch_layers.base import Given, refuse_gradient, torch_layer


@torch_layer("PReLU")
def prelu(params: PReLU, given: Given) -> Tensor:
    """PReLU; a shared slope is a list of one."""
    return F.prelu(given.x, given.weights["slope"].reshape(-1))


@torch_layer("Dropout")
def dropout(params: Dropout, given: Given) -> Tensor:
    """Training drops, and scales what it keeps by 1 / (1 - ratio) unless the file leaves that to the test phase."""
    if not given.mode.dropout:
        return given.x if params.factor == 1 else given.x * params.factor
    kept = F.dropout(given.x, params.dropout_ratio)
    return kept if params.scale_train else kept * (1 - params.dropout_ratio)


@torch_layer(*(cls.type for cls in functions()))
def function(params: Function, given: Given) -> Tensor:
    """The function, into the bottom where it may; UnsupportedError for a gradient of one that jumps, as in Caffe."""
    if params.always_jumps:
        refuse_gradient(given.bottoms)
    compute = params.torch_in_place if given.overwrite else params.torch
    return cast(Tensor, compute(F, given.x))
