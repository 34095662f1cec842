"""Convolution, Deconvolution, Im2col, InnerProduct, Pooling and SPP in PyTorch."""

from collections.abc import Sequence
from math import inf, prod

import torch
from torch import Tensor
from torch.nn import functional as F

from xdn.layers.filters import Filters
from xdn.layers.im2col import Im2col
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.pooling import Pooling
from xdn.layers.spp import SPP
from xdn.layers.window import Window
from xdn.train.torch_layers.base import Given, torch_layer

#: Functions by the axes of positions.
_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVG_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


@torch_layer("Convolution", "Deconvolution", fresh=True)
def convolution(params: Filters, given: Given) -> Tensor:
    """The same zeros on both sides; where a convolution's window passes the padded input, more at the end."""
    x, weight, bias = given.x, given.weights["weight"], given.weights.get("bias")
    w = params.window(x.ndim - 2)
    if w.transposed:
        return _CONV_TRANSPOSE[w.axes](x, weight, bias, w.stride, w.pad, groups=params.group, dilation=w.dilation)
    return _slid(w, x, weight, bias, params.group)


@torch_layer("Im2col", fresh=True)
def im2col(params: Im2col, given: Given) -> Tensor:
    """A depthwise convolution, whose filters have a one at one place each."""
    channels, axes = given.x.shape[1], given.x.ndim - 2
    picking = torch.from_numpy(params.picking(channels, axes)).to(given.x)
    return _slid(params.window(axes), given.x, picking, None, channels)


def _slid(w: Window, x: Tensor, weight: Tensor, bias: Tensor | None, group: int) -> Tensor:
    """Return the convolution by a window; a depthwise one in f32, whose gradients in bf16 take many times as long."""
    if any(over := w.overhang(x.shape[2:])):
        # F.pad counts axes from the last one on.
        x = F.pad(x, [end for more in reversed(over) for end in (0, more)])
    if 1 < group == x.shape[1] and (x.dtype == torch.bfloat16 or torch.is_autocast_enabled("cpu")):
        x, weight, bias = x.float(), weight.float(), None if bias is None else bias.float()
        with torch.autocast("cpu", enabled=False):
            return _CONV[w.axes](x, weight, bias, w.stride, w.pad, w.dilation, group)
    return _CONV[w.axes](x, weight, bias, w.stride, w.pad, w.dilation, group)


@torch_layer("InnerProduct", fresh=True)
def inner_product(params: InnerProduct, given: Given) -> Tensor:
    """Linear over the flattened axes."""
    x = given.x
    weight = given.weights["weight"].t() if params.transpose else given.weights["weight"]
    return F.linear(x.reshape(*x.shape[: params.axis % x.ndim], -1), weight, given.weights.get("bias"))


@torch_layer("Pooling", fresh=True)
def pooling(params: Pooling, given: Given) -> tuple[Tensor, ...]:
    """Pooling by Caffe's rules, and the indices of the maxima where they are asked for."""
    return (pool(params, given.x),) if given.n_tops == 1 else maxima(params, given.x)


@torch_layer("SPP", fresh=True)
def spp(params: SPP, given: Given) -> Tensor:
    """The pooling of each grid, flattened and joined; of one grid as it is."""
    x = given.x
    grids = [pool(level, x) for level in params.levels(x.shape[2:])]
    return grids[0] if params.keeps_axes else torch.cat([grid.flatten(1) for grid in grids], 1)


def pool(params: Pooling, x: Tensor) -> Tensor:
    """Return the maxima or averages of the windows over (N, C, H, W), or over lines or volumes.

    PyTorch drops a last window past the image, and divides an average by the window's part within the padding, as
    Caffe does. It refuses padding beyond half a kernel, which Caffe allows, and unlike sides: then the border is laid
    on first.
    """
    maximum, sizes = params.pool == "MAX", x.shape[2:]
    if params.global_pooling:
        return _MAX_POOL[len(sizes)](x, sizes) if maximum else x.mean(tuple(range(2, x.ndim)), keepdim=True)
    window = params.window(sizes)
    reduced = (_MAX_POOL if maximum else _AVG_POOL)[window.axes]
    alike = not params.is_dilated and params.count_padding and params.ends(sizes) == window.pad
    if alike and all(2 * pad <= kernel for pad, kernel in zip(window.pad, window.kernel, strict=True)):
        ceil = params.ceil_mode and params.round_mode == "CEIL"
        return reduced(x, window.kernel, window.stride, window.pad, ceil_mode=ceil)
    border = _border(params, sizes)
    if maximum:
        padded = F.pad(x, border, value=-inf)
        return _MAX_POOL[window.axes](padded, window.kernel, window.stride, dilation=window.dilation)
    counts = torch.from_numpy(params.counts(sizes)).to(x)
    return reduced(F.pad(x, border), window.kernel, window.stride) * (prod(window.kernel) / counts)


def _border(params: Pooling, sizes: Sequence[int]) -> list[int]:
    """Return what to lay around `sizes`, as F.pad takes it, so that the windows reach its end and no further.

    Below zero it cuts off rows that none covers.
    """
    window = params.window(sizes)
    each = zip(sizes, params.output_size(sizes), window.extent, window.stride, window.pad, strict=True)
    sides = [(pad, (count - 1) * stride + extent - size - pad) for size, count, extent, stride, pad in each]
    return [side for axis in reversed(sides) for side in axis]


def maxima(params: Pooling, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the maxima of the windows over (N, C, H, W), and their indices h * W + w, f32, of several the first."""
    sizes = x.shape[2:]
    window, border = params.window(sizes), _border(params, sizes)
    padded = F.pad(x, border, value=-inf)
    found, left = _MAX_POOL[window.axes](padded, window.kernel, window.stride, return_indices=True)
    places, pitch = torch.zeros_like(left), 1
    for size, padded_size, pad in zip(reversed(sizes), reversed(padded.shape), reversed(window.pad), strict=False):
        places, left, pitch = places + (left % padded_size - pad) * pitch, left // padded_size, pitch * size
    return found, places.float()
