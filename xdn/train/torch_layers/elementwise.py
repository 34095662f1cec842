"""Layers that work element by element, in PyTorch: PReLU, Eltwise, Axpy, Dropout, Split; functions: pointwise.py."""

from collections.abc import Mapping, Sequence
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional as F

from xdn.layers.axpy import Axpy
from xdn.layers.dropout import Dropout
from xdn.layers.eltwise import Eltwise
from xdn.layers.prelu import PReLU
from xdn.layers.split import Split
from xdn.train.torch_layers.base import Mode, torch_layer


@torch_layer("PReLU")
def prelu(params: PReLU, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """PReLU; a shared slope is a list of one."""
    return F.prelu(bottoms[0], weights["slope"].reshape(-1))


@torch_layer("Split")
def split(params: Split, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """The bottom itself under every name."""
    return bottoms[0]


@torch_layer("Dropout")
def dropout(params: Dropout, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Training drops, and scales what it keeps by 1 / (1 - ratio) unless the file leaves that to the test phase."""
    if not mode.dropout:
        return bottoms[0] if params.factor == 1 else bottoms[0] * params.factor
    kept = F.dropout(bottoms[0], params.dropout_ratio)
    return kept if params.scale_train else kept * (1 - params.dropout_ratio)


@torch_layer("Eltwise", fresh=True)
def eltwise(params: Eltwise, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """From the first bottom to the last; of equal values the maximum takes Caffe's, which then has the gradient."""
    if params.operation == "PROD":
        return reduce(torch.mul, bottoms)
    if params.operation == "MAX":
        first = torch.where(bottoms[0] > bottoms[1], bottoms[0], bottoms[1])
        return reduce(lambda top, x: torch.where(x > top, x, top), bottoms[2:], first)
    if not any(c != 1 for c in params.coeff):
        return reduce(torch.add, bottoms)
    return reduce(torch.add, (x * c for c, x in zip(params.coeff, bottoms, strict=True)))


@torch_layer("Axpy", fresh=True)
def axpy(params: Axpy, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Multiply, then add."""
    factors, x, y = bottoms
    return factors.reshape(*x.shape[:2], *(1,) * (x.ndim - 2)) * x + y
