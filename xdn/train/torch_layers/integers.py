"""Layers that read 8-bit integers, in PyTorch: forward what kernels compute, backward learned step sizes.

What 1 stands for, of a bottom and of each filter, is learned with the weights. The source is Esser et al., "Learned
Step Size Quantization" (2020): gradients pass roundings as if there were none and end where values are clipped, so that
with q = clip(rint(x / s)) of a value x

    d (s * q) / ds = q - x / s within the range, q beyond it

and the gradient of s is scaled by 1 / sqrt(N * Q), N being how many values it stands for (of a bottom those of one
image, of a filter its weights) and Q the largest integer. Only the scales of 8-bit filters have 1 / Q^2 instead. The
source's factor lets scales change as fast as weights, relative to their sizes, where the scale is about 2 * mean |w| /
sqrt(Q), as that of fewer bits is. That of 8 bits is the largest weight / Q: this weight, which lies at the bound, gives
its scale Q times the gradient that it has itself, for a number Q times smaller.

Weights of one bit are signs, whatever their size: gradients pass them all (Courbariaux et al., "BinaryConnect", 2015).
`xdn.layers.integer` states what is computed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from xdn.graph import LayerParams, Quantized
from xdn.graph.quantized import BITS, LEAST_SCALE, MOST_SCALE, weight_range
from xdn.graph.reading import SCALES
from xdn.layers.eltwise import Eltwise
from xdn.layers.pooling import Pooling
from xdn.layers.rows import Rows
from xdn.train.torch_layers.base import Compute, Given, of_each_top

#: Up to here f32 holds every integer.
_MOST_EXACT = 1 << 24
#: A quotient counts as within the range up to here beyond it: that of a filter's largest weight is the largest integer
#: up to roundings, and learns whichever way it was rounded.
_SLACK = 1e-3


@dataclass(frozen=True, eq=False)
class Learned:
    """How a bottom is read as integers while that is learned.

    Parameters
    ----------
    read : Quantized
        Which integers; its scale is where learning began.
    scale : () tensor
        What 1 stands for, whatever its sign.
    """

    read: Quantized
    scale: Tensor

    def integers(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return clip(rint(x * (1 / s))), f32, and s; x are values (N, ...)."""
        scale = self._eased_scale(x)
        return _read(_Integers, x, scale, self.read), scale

    def values(self, x: Tensor) -> Tensor:
        """Return the f32 values that the integers of x stand for."""
        return _read(_Values, x, self._eased_scale(x), self.read)

    def _eased_scale(self, x: Tensor) -> Tensor:
        return _eased(as_scale(self.scale), (max(1, x[:1].numel()) * self.read.range[1]) ** -0.5)


class _Integers(torch.autograd.Function):
    """q = clip(rint(x * (1 / s))) of values x and one scale s; gradients end beyond the range, but for `_SLACK`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, low: int, high: int) -> Tensor:
        ctx.save_for_backward(x, scale)
        ctx.range = low, high
        return _quotients(x, scale, low, high)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Of x: 1 / s of it, where within the range; of s: the sum of that times -x / s."""
        x, scale = ctx.saved_tensors
        of_x = _within(gradient, x, scale, ctx.range).mul_(1 / scale)
        return of_x, _dot(of_x, x).div_(-scale), None, None


class _Values(torch.autograd.Function):
    """s * q, with q as of `_Integers`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, low: int, high: int) -> Tensor:
        values = _quotients(x, scale, low, high).mul_(scale)
        ctx.save_for_backward(x, scale, values)
        ctx.range = low, high
        return values

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Of x: the gradient within the range; of s: the sum of the gradient times q, less x / s within the range."""
        x, scale, values = ctx.saved_tensors
        of_x = _within(gradient, x, scale, ctx.range)
        return of_x, (_dot(gradient, values) - _dot(of_x, x)).div_(scale), None, None


def _read(form: type[_Integers] | type[_Values], x: Tensor, scale: Tensor, read: Quantized) -> Tensor:
    found: Tensor = form.apply(x.float(), scale, *read.range)
    return found


def _quotients(x: Tensor, scale: Tensor, low: int, high: int) -> Tensor:
    """Return clip(rint(x * (1 / s)))."""
    return (x * (1 / scale)).round_().clamp_(low, high)


def _within(gradient: Tensor, x: Tensor, scale: Tensor, bounds: tuple[int, int]) -> Tensor:
    """Return the gradient where x / s is within the bounds, but for `_SLACK`, else 0."""
    low, high = ((bound + slack) * float(scale) for bound, slack in zip(bounds, (-_SLACK, _SLACK), strict=True))
    return torch.ops.aten.hardtanh_backward(gradient, x, low, high)


def _dot(one: Tensor, other: Tensor) -> Tensor:
    """Return the sum (), of the products of two tensors of one shape, each read in the order of the other's memory."""
    axes = sorted(range(other.ndim), key=other.stride, reverse=True)
    return torch.dot(one.permute(axes).reshape(-1), other.permute(axes).reshape(-1))


class _Rounding(torch.autograd.Function):
    """To the nearest integer, ties to even; gradients pass it as they are."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        return gradient


class _Sign(torch.autograd.Function):
    """1 from 0 on, else -1; gradients pass it as they are."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        return torch.where(x >= 0, 1.0, -1.0).to(x)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        return gradient


class _Easing(torch.autograd.Function):
    """The values as they are; gradients times a factor."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.factor, None


def _rounded(x: Tensor) -> Tensor:
    found: Tensor = _Rounding.apply(x)
    return found


def _sign(quotient: Tensor) -> Tensor:
    found: Tensor = _Sign.apply(quotient)
    return found


def _clipped(quotient: Tensor, low: int, high: int) -> Tensor:
    """Return clip(rint(quotient)); gradients end beyond the range, but for `_SLACK`."""
    return _rounded(quotient.clamp(low - _SLACK, high + _SLACK))


def _eased(scale: Tensor, factor: float) -> Tensor:
    """Return a scale whose gradient is scaled."""
    found: Tensor = _Easing.apply(scale, factor)
    return found


def as_scale(learned: Tensor) -> Tensor:
    """Return what learning made of scales as such: their magnitudes, within the bounds of scales."""
    return learned.abs().clamp(LEAST_SCALE, MOST_SCALE)


def of_integers(compute: Compute, params: LayerParams, given: Given, read: Sequence[Learned]) -> Tensor:
    """Return the only top, f32, of a layer that reads its bottoms as integers.

    Where no gradient is asked for it has the bits that kernels give it, but for functions that round more than once,
    which are computed in f32. For gradients, sums of products beyond 2^24 are rounded to f32.

    Parameters
    ----------
    compute : callable
        Computes the layer's type in f32.
    params : LayerParams
    given : Given
        Bottoms in f32, and weights, scales of filters among them.
    read : sequence of Learned
        How each bottom is read.
    """
    form = _of_filters if params.filter_count else _FORMS.get(params.type, _of_values)
    with torch.autocast("cpu", enabled=False):
        return form(compute, params, given, read)


def _of_values(compute: Compute, params: Any, given: Given, read: Sequence[Learned]) -> Tensor:
    """Return what the layer makes of the values that integers stand for."""
    values = [how.values(x) for how, x in zip(read, given.bottoms, strict=True)]
    return _of_f32(compute, params, replace(given, bottoms=values))


def _of_f32(compute: Compute, params: Any, given: Given) -> Tensor:
    """Return the only top of a layer, computed of the given numbers as they are."""
    return of_each_top(compute(params, given), 1)[0]


def _of_filters(compute: Compute, params: Any, given: Given, read: Sequence[Learned]) -> Tensor:
    """Return f32(sum of products + b_q[k]) * (s * s_w[k]).

    The sums are linear in weights and biases: s * s_w[k] gets its gradient where it multiplies these, not the sums.
    """
    q, scale = read[0].integers(given.x)
    filters, scales = _integer_filters(params, given.weights, read[0].read.weight_bits)
    bias = given.weights.get("bias", torch.zeros_like(scales))
    bias = _rounded(bias.double() / (scale.double() * scales.double()))
    factor = scale * scales
    # Ones.
    factored = factor / factor.detach()
    sums_as = _sums_as(filters, bias, read[0].read)
    weights = {
        "weight": params.weight_of(filters * _along(factored, filters.ndim)).to(sums_as),
        "bias": (bias * factored).to(sums_as),
    }
    sums = _of_f32(compute, params, replace(given, bottoms=[q.to(sums_as)], weights=weights)).float()
    return sums.mul_(_along(factor.detach(), 1 if isinstance(params, Rows) else sums.ndim - 1))


def _along(each: Tensor, axes: int) -> Tensor:
    """Return (K,) as (K, 1, ...), of so many axes."""
    return each.reshape(-1, *(1,) * (axes - 1))


def _integer_filters(params: Any, weights: Mapping[str, Tensor], bits: int) -> tuple[Tensor, Tensor]:
    """Return the integers of the filters (K, ...), f32, and their scales (K,)."""
    filters = params.filters(weights["weight"])
    low, high = weight_range(bits)
    eased = high**-2 if bits == BITS else (filters[0].numel() * high) ** -0.5
    scales = _eased(as_scale(weights[SCALES]), eased)
    steps = _along(scales, filters.ndim)
    return _sign(filters / steps.detach()) if bits == 1 else _clipped(filters / steps, low, high), scales


def _sums_as(filters: Tensor, bias: Tensor, read: Quantized) -> torch.dtype:
    """Return f64 where no gradient is asked for and f32 may not hold some sum of products, else f32."""
    if torch.is_grad_enabled() or not len(filters):
        return torch.float32
    most = filters.flatten(1).abs().sum(1, dtype=torch.float64) * max(-read.range[0], read.range[1]) + bias.abs()
    return torch.float32 if float(most.max()) <= _MOST_EXACT else torch.float64


def _average(compute: Compute, params: Any, given: Given, read: Sequence[Learned]) -> Tensor:
    """Return f32(the sum of a window's integers) * (s / count)."""
    q, scale = read[0].integers(given.x)
    counts = torch.from_numpy(params.counts(q.shape[2:])).to(q)
    averages = _of_f32(compute, params, replace(given, bottoms=[q]))
    top: Tensor = _rounded(averages * counts) * (scale / counts)
    return top


def _weighted_sum(compute: Compute, params: Any, given: Given, read: Sequence[Learned]) -> Tensor:
    """Return the sum of f32(integer) * (coefficient * s) of each bottom, from the first to the last."""
    if params.operation != "SUM":
        return _of_values(compute, params, given, read)
    both = [how.integers(x) for how, x in zip(read, given.bottoms, strict=True)]
    coefficients = params.coeff or (1.0,) * len(both)
    first, *others = (q * (scale * c) for (q, scale), c in zip(both, coefficients, strict=True))
    top: Tensor = sum(others, start=first)
    return top


#: Of the layer types without filters those that compute otherwise than with the values that integers stand for.
_FORMS = {Pooling.type: _average, Eltwise.type: _weighted_sum}
