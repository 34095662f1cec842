"""Layers that compute with integers, in PyTorch: forward what kernels compute, backward learned step sizes.

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

from xdn.graph import Layer, LayerParams, Quantized
from xdn.graph.quantized import BITS, LEAST_SCALE, MOST_SCALE, weight_range
from xdn.graph.reading import SCALES
from xdn.layers.eltwise import Eltwise
from xdn.layers.integer import integer_filters_of
from xdn.layers.pooling import Pooling
from xdn.layers.rows import Rows
from xdn.train.torch_layers.base import Compute, Given, Mode, of_each_top

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
        return _eased(self.scale, (max(1, x[:1].numel()) * self.read.range[1]) ** -0.5)


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
    within: Tensor = torch.ops.aten.hardtanh_backward(gradient, x, low, high)
    return within


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


class _Scale(torch.autograd.Function):
    """`as_scale`, and the gradient times a factor."""

    @staticmethod
    def forward(ctx: Any, learned: Tensor, factor: float) -> Tensor:
        scale = as_scale(learned)
        ctx.save_for_backward(learned, scale)
        ctx.factor = factor
        return scale

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        learned, scale = ctx.saved_tensors
        return learned.sign().mul_(learned.abs() == scale).mul_(gradient).mul_(ctx.factor), None


class _Filters(torch.autograd.Function):
    """w_q (K, ...), f32, and b_q (K,), f64, of filters w and biases b, by s_w (K,) and s.

    The layer multiplies the sum of products with w_q, and b_q, with s * s_w[k]. It is linear in both, so that the
    gradient of the factor is that of the sum times what it is made of, over the factor.
    """

    @staticmethod
    def forward(
        ctx: Any, filters: Tensor, bias: Tensor, scales: Tensor, scale: Tensor, bits: int
    ) -> tuple[Tensor, Tensor]:
        quotients = filters / _along(scales, filters.ndim)
        q = nearest_weights(quotients, bits)
        bias_quotients = bias.double() / (scale.double() * scales.double())
        bias_q = bias_quotients.round()
        ctx.save_for_backward(scales, scale, quotients, q, bias_q - bias_quotients)
        ctx.bits = bits
        return q, bias_q

    @staticmethod
    def backward(ctx: Any, of_q: Tensor, of_bias_q: Tensor) -> tuple[Tensor | None, ...]:
        """Of w and b: over what 1 stands for, of w within the range; of the scales as the module says, for all sums."""
        scales, scale, quotients, q, rounded_by = ctx.saved_tensors
        of_factors = _sums(of_q * q) + (of_bias_q * rounded_by).float()
        of_scales = of_factors
        if ctx.bits > 1:
            low, high = weight_range(ctx.bits)
            of_q = torch.ops.aten.hardtanh_backward(of_q, quotients, low - _SLACK, high + _SLACK)
            of_scales = of_factors - _sums(of_q * quotients)
        of_bias = of_bias_q.float() / (scale * scales)
        return of_q / _along(scales, q.ndim), of_bias, of_scales / scales, of_factors.sum() / scale, None


def _sums(filters: Tensor) -> Tensor:
    """Return the sum (K,) of each filter (K, ...)."""
    return filters.flatten(1).sum(1)


def _rounded(x: Tensor) -> Tensor:
    found: Tensor = _Rounding.apply(x)
    return found


def _eased(learned: Tensor, factor: float) -> Tensor:
    """Return scales, whose gradient is scaled."""
    found: Tensor = _Scale.apply(learned, factor)
    return found


def nearest_weights(quotients: Tensor, bits: int) -> Tensor:
    """Return the integers of so many bits, f32, that weights over their scales are rounded to: of one bit the signs."""
    return torch.where(quotients >= 0, 1.0, -1.0) if bits == 1 else quotients.round().clamp_(*weight_range(bits))


def as_scale(learned: Tensor) -> Tensor:
    """Return what learning made of scales as such: their magnitudes, within the bounds of scales."""
    return learned.abs().clamp(LEAST_SCALE, MOST_SCALE)


def of_integers(compute: Compute, params: LayerParams, given: Given, read: Sequence[Learned]) -> Tensor:
    """Return the only top, f32, of a layer that reads its bottoms as integers.

    Where no gradient is asked for it has the bits that kernels give it, but for functions that round more than once,
    which are computed in f32. For gradients, sums of products beyond 2^24 are rounded to f32, and where the mode says
    so all sums to bf16, whose factors are exact.

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
    """Return f32(sum of products + b_q[k]) * (s * s_w[k])."""
    q, scale = read[0].integers(given.x)
    scales = _filter_scales(params, given.weights, read[0].read.weight_bits)
    bias = given.weights.get("bias", torch.zeros_like(scales))
    filters, bias = _Filters.apply(
        params.filters(given.weights["weight"]), bias, scales, scale, read[0].read.weight_bits
    )
    sums_as = _sums_as(filters, bias, read[0].read, given.mode)
    weights = {"weight": params.weight_of(filters).to(sums_as), "bias": bias.to(sums_as)}
    sums = _of_f32(compute, params, replace(given, bottoms=[q.to(sums_as)], weights=weights)).float()
    # The factor has its gradient from the filters.
    factor = (scale * scales).detach()
    return sums.mul_(_along(factor, 1 if isinstance(params, Rows) else sums.ndim - 1))


def _along(each: Tensor, axes: int) -> Tensor:
    """Return (K,) as (K, 1, ...), of so many axes."""
    return each.reshape(-1, *(1,) * (axes - 1))


def _filter_scales(params: Any, weights: Mapping[str, Tensor], bits: int) -> Tensor:
    """Return what 1 stands for in each filter, (K,)."""
    high, size = weight_range(bits)[1], weights["weight"].numel() // params.filter_count
    return _eased(weights[SCALES], high**-2 if bits == BITS else (size * high) ** -0.5)


def with_integer_values(layer: Layer, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a layer that rounds them only: its filters as the f32 values of integers times scales."""
    found = dict(weights)
    for prefix, params, read in integer_filters_of(layer):
        own = {name: weights[prefix + name] for name in ("weight", SCALES)}
        found[prefix + "weight"] = _integer_values(params, own, read.weight_bits)
    return found


def _integer_values(params: Any, weights: Mapping[str, Tensor], bits: int) -> Tensor:
    """Return the weight as the f32 values of integers times the scales of their filters."""
    scales = _filter_scales(params, weights, bits)
    no_bias, whole = torch.zeros_like(scales), torch.ones(())
    filters, _ = _Filters.apply(params.filters(weights["weight"]), no_bias, scales, whole, bits)
    # The scales have their gradient from the filters.
    values: Tensor = params.weight_of(filters * _along(scales.detach(), filters.ndim))
    return values


def _sums_as(filters: Tensor, bias: Tensor, read: Quantized, mode: Mode) -> torch.dtype:
    """Return f64 where no gradient is asked for and f32 may not hold some sum of products, else f32, by mode bf16."""
    if torch.is_grad_enabled() or not len(filters):
        return torch.bfloat16 if read.weight_bits <= mode.bf16_bits else torch.float32
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
