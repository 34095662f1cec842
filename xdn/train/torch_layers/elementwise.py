"""Layers that work element by element, in PyTorch: PReLU, Eltwise, Axpy, Dropout, Split; functions: pointwise.py."""

from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional as F

from xdn.layers.axpy import Axpy
from xdn.layers.dropout import Dropout
from xdn.layers.eltwise import Eltwise
from xdn.layers.prelu import PReLU
from xdn.layers.split import Split
from xdn.train.torch_layers.base import Given, torch_layer


@torch_layer("PReLU")
def prelu(params: PReLU, given: Given) -> Tensor:
    """PReLU; a shared slope is a list of one."""
    return F.prelu(given.x, given.weights["slope"].reshape(-1))


@torch_layer("Split")
def split(params: Split, given: Given) -> Tensor:
    """The bottom itself under every name."""
    return given.x


@torch_layer("Dropout")
def dropout(params: Dropout, given: Given) -> Tensor:
    """Training drops, and scales what it keeps by 1 / (1 - ratio) unless the file leaves that to the test phase."""
    if not given.mode.dropout:
        return given.x if params.factor == 1 else given.x * params.factor
    kept = F.dropout(given.x, params.dropout_ratio)
    return kept if params.scale_train else kept * (1 - params.dropout_ratio)


@torch_layer("Eltwise", fresh=True)
def eltwise(params: Eltwise, given: Given) -> Tensor:
    """From the first bottom to the last; of equal values the maximum takes Caffe's, which then has the gradient."""
    if params.operation == "PROD":
        return reduce(torch.mul, given.bottoms)
    if params.operation == "MAX":
        first = torch.where(given.x > given.bottoms[1], given.x, given.bottoms[1])
        return reduce(lambda top, x: torch.where(x > top, x, top), given.bottoms[2:], first)
    if not any(c != 1 for c in params.coeff):
        return reduce(torch.add, given.bottoms)
    return reduce(torch.add, (x * c for c, x in zip(params.coeff, given.bottoms, strict=True)))


@torch_layer("Axpy", fresh=True)
def axpy(params: Axpy, given: Given) -> Tensor:
    """Multiply, then add."""
    factors, x, y = given.bottoms
    return factors.reshape(*x.shape[:2], *(1,) * (x.ndim - 2)) * x + y
