"""Convolution, Deconvolution, InnerProduct and Pooling in PyTorch."""

from collections.abc import Mapping, Sequence
from math import inf

import torch
from torch import Tensor
from torch.nn import functional as F

from xdn.layers.convolution import Convolution
from xdn.layers.deconvolution import Deconvolution
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.pooling import Pooling
from xdn.train.torch_layers.base import Mode, torch_layer


@torch_layer("Convolution", fresh=True)
def convolution(params: Convolution, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Convolution with the same zeros on both sides."""
    w = params.window()
    return F.conv2d(bottoms[0], weights["weight"], weights.get("bias"), w.stride, w.pad, w.dilation, params.group)


@torch_layer("Deconvolution", fresh=True)
def deconvolution(
    params: Deconvolution, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode
) -> Tensor:
    """The transpose of a convolution with the same zeros on both sides."""
    w, bias = params.window(), weights.get("bias")
    x, weight = bottoms[0], weights["weight"]
    return F.conv_transpose2d(x, weight, bias, w.stride, w.pad, groups=params.group, dilation=w.dilation)


@torch_layer("InnerProduct", fresh=True)
def inner_product(params: InnerProduct, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode) -> Tensor:
    """Linear over the flattened axes."""
    x = bottoms[0]
    weight = weights["weight"].t() if params.transpose else weights["weight"]
    return F.linear(x.reshape(*x.shape[: params.axis % x.ndim], -1), weight, weights.get("bias"))


@torch_layer("Pooling", counts_tops=True, fresh=True)
def pooling(
    params: Pooling, bottoms: Sequence[Tensor], weights: Mapping[str, Tensor], mode: Mode, n_tops: int
) -> tuple[Tensor, ...]:
    """Pooling by Caffe's rules, and the places of the maxima where they are asked for."""
    return (pool(params, bottoms[0]),) if n_tops == 1 else maxima(params, bottoms[0])


def pool(params: Pooling, x: Tensor) -> Tensor:
    """Return the maxima or averages of the windows over (N, C, H, W).

    PyTorch drops a last window behind the image, and divides an average by the window's part within the padding, as
    Caffe does. It refuses padding beyond half a kernel, which Caffe allows: then the border is laid on first.
    """
    maximum = params.pool == "MAX"
    if params.global_pooling:
        return F.adaptive_max_pool2d(x, 1) if maximum else x.mean((2, 3), keepdim=True)
    h, w = x.shape[2:]
    window = params.window(h, w)
    if all(2 * pad <= kernel for pad, kernel in zip(window.pad, window.kernel, strict=True)):
        ceil = params.ceil_mode and params.round_mode == "CEIL"
        if maximum:
            return F.max_pool2d(x, window.kernel, window.stride, window.pad, ceil_mode=ceil)
        return F.avg_pool2d(x, window.kernel, window.stride, window.pad, ceil_mode=ceil)
    border = _border(params, h, w)
    if maximum:
        return F.max_pool2d(F.pad(x, border, value=-inf), window.kernel, window.stride)
    elements = window.kernel[0] * window.kernel[1]
    counts = torch.from_numpy(params.counts(h, w)).to(x)
    return F.avg_pool2d(F.pad(x, border), window.kernel, window.stride) * (elements / counts)


def _border(params: Pooling, h: int, w: int) -> tuple[int, int, int, int]:
    """Return what to lay around (h, w), as F.pad takes it, so that the windows reach its end and no further.

    Below zero it cuts off rows that none covers.
    """
    window = params.window(h, w)
    ends = [
        (count - 1) * stride + kernel - size - pad
        for size, count, kernel, stride, pad in zip(
            (h, w), params.output_size(h, w), window.kernel, window.stride, window.pad, strict=True
        )
    ]
    return window.pad[1], ends[1], window.pad[0], ends[0]


def maxima(params: Pooling, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the maxima of the windows over (N, C, H, W), and their places h * W + w, f32, of several the first."""
    h, w = x.shape[2:]
    window, border = params.window(h, w), _border(params, h, w)
    left, right, upper, _ = border
    found, indices = F.max_pool2d(F.pad(x, border, value=-inf), window.kernel, window.stride, return_indices=True)
    width = left + w + right
    return found, ((indices // width - upper) * w + indices % width - left).float()
