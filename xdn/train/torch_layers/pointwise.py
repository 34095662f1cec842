"""Layers that map every element on its own by a formula, in PyTorch."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from xdn.layers.absval import AbsVal
from xdn.layers.bnll import BNLL
from xdn.layers.clip import Clip
from xdn.layers.exp import Exp
from xdn.layers.hsigmoid import HSigmoid
from xdn.layers.hswish import HSwish
from xdn.layers.log import Log
from xdn.layers.mish import Mish
from xdn.layers.power import Power
from xdn.layers.relu6 import ReLU6
from xdn.layers.selu import SELU
from xdn.layers.swish import Swish
from xdn.layers.threshold import Threshold
from xdn.train.torch_layers.base import Mode, refuse_gradient, torch_layer


@torch_layer("AbsVal")
def abs_val(params: AbsVal, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """The magnitude."""
    return torch.abs(bottoms[0])


@torch_layer("BNLL")
def bnll(params: BNLL, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Softplus."""
    return F.softplus(bottoms[0])


@torch_layer("Clip")
def clip(params: Clip, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Between the bounds."""
    return torch.clamp(bottoms[0], params.min, params.max)


def _overwriting_relu6(params: ReLU6, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """The same into the bottom."""
    return F.relu6(bottoms[0], inplace=True)


@torch_layer("ReLU6", in_place=_overwriting_relu6)
def relu6(params: ReLU6, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Between 0 and 6."""
    return F.relu6(bottoms[0])


@torch_layer("Exp")
def exp(params: Exp, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """The natural power between two factors."""
    inner, outer = params.factors()
    return torch.exp(bottoms[0] * inner) * outer


@torch_layer("Log")
def log(params: Log, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """The natural logarithm of a linear function, times a factor."""
    return torch.log(bottoms[0] * params.scale + params.shift) * params.factor()


@torch_layer("Power")
def power(params: Power, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """A power of a linear function; of power 0 it is 1, and the gradient 0."""
    base = bottoms[0] * params.scale + params.shift
    return base if params.power == 1 else base**params.power


@torch_layer("SELU")
def selu(params: SELU, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """SELU, whose constants PyTorch has in f64 too."""
    return F.selu(bottoms[0])


@torch_layer("Mish")
def mish(params: Mish, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Mish."""
    return F.mish(bottoms[0])


@torch_layer("Swish")
def swish(params: Swish, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """x times the sigmoid of beta * x, in one call where beta is 1."""
    x = bottoms[0]
    return F.silu(x) if params.beta == 1 else x * torch.sigmoid(params.beta * x)


@torch_layer("HSigmoid")
def hsigmoid(params: HSigmoid, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """The hard sigmoid, whose slope PyTorch has as 1/6 too."""
    return F.hardsigmoid(bottoms[0])


@torch_layer("HSwish")
def hswish(params: HSwish, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """x times the hard sigmoid."""
    return F.hardswish(bottoms[0])


@torch_layer("Threshold")
def threshold(params: Threshold, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """A comparison; UnsupportedError where a gradient is to pass, as in Caffe."""
    refuse_gradient(bottoms)
    return (bottoms[0] > params.threshold).to(bottoms[0].dtype)
