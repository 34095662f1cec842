"""Convolution, Deconvolution, Im2col, InnerProduct, Pooling and SPP in ONNX."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from onnx import TensorProto

from xdn.element import S8, U8
from xdn.frontend.onnx.emit.base import EMITTERS, Emission
from xdn.frontend.onnx.emit.quantized import filters, read
from xdn.layers.filters import Filters
from xdn.layers.im2col import Im2col
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.pooling import Pooling
from xdn.layers.spp import SPP
from xdn.layers.window import Extents, Window


@EMITTERS.register("Convolution", "Deconvolution")
def convolution(out: Emission, params: Filters) -> None:
    """Conv, or ConvTranspose.

    The padding is the same on both sides; where a window passes the padded input, there is more of it at the end.
    """
    _slid(out, params.window_over(out.bottom()), filters(out), params.group)


@EMITTERS.register("Im2col")
def im2col(out: Emission, params: Im2col) -> None:
    """Conv, depthwise, with filters that have a one at one place each."""
    bottom = out.bottom()
    channels, window = bottom.shape[1], params.window_over(bottom)
    _slid(out, window, [out.constant("picking", params.picking(channels, window.axes))], channels)


def _slid(out: Emission, window: Window, weights: Sequence[str], group: int) -> None:
    """Append Conv or ConvTranspose."""
    over = (0,) * window.axes if window.transposed else window.overhang(out.bottom().shape[2:])
    pads = (*window.pad, *(pad + more for pad, more in zip(window.pad, over, strict=True)))
    steps = {"kernel_shape": window.kernel, "strides": window.stride, "dilations": window.dilation}
    op = "ConvTranspose" if window.transposed else "Conv"
    out.top(op, [*out.bottoms, *weights], **steps, pads=pads, group=group)


@EMITTERS.register("InnerProduct")
def inner_product(out: Emission, params: InnerProduct) -> None:
    """Gemm over the flattened axes, and back to the leading axes where these are not just the batch."""
    axis = out.bottom().axis(params.axis)
    flat = out.step("Flatten", out.bottoms, "flat", axis=axis)
    for how in out.quantized:
        # Engines look for integers right before a product: they are made again, and are those of the bottom.
        flat = read(out.graph, flat, how)
    inputs = [flat, *filters(out)]
    transposed = int(not params.transpose)
    if axis == 1:
        out.top("Gemm", inputs, transB=transposed)
    else:
        out.reshaped(out.step("Gemm", inputs, "product", transB=transposed))


def _reach(window: Window, tops: Extents) -> Extents:
    """Return how far along each axis, leading padding included, the windows cover up to the last one's end."""
    each = zip(tops, window.stride, window.extent, strict=True)
    return tuple((count - 1) * stride + extent for count, stride, extent in each)


@EMITTERS.register("Pooling")
def pooling(out: Emission, params: Pooling) -> None:
    """GlobalMaxPool, GlobalAveragePool, MaxPool or AveragePool, with padding that leaves nothing to round."""
    (source,), sizes = out.bottoms, out.bottom().shape[2:]
    # Integers that are handed on: of windows of one element the average is the maximum; GlobalMaxPool takes none.
    carried = not out.read and out.bottom().element in (U8, S8)
    maximum = carried or params.pool == "MAX"
    if params.global_pooling and len(out.tops) == 1 and not carried:
        out.top("GlobalMaxPool" if maximum else "GlobalAveragePool", [source])
        return
    window = params.window(sizes)
    reach = _reach(window, params.output_size(sizes))
    apart = {"dilations": window.dilation} if params.is_dilated else {}
    each = zip(reach, sizes, window.pad, strict=True)
    steps = {"kernel_shape": window.kernel, "strides": window.stride}
    if maximum:
        pads = [*window.pad, *(max(0, r - size - pad) for r, size, pad in each)]
        indices = [out.graph.fresh(f"{top}.indices") for top in out.tops[1:]]
        out.graph.node("MaxPool", [source], out.tops[0], *indices, **steps, **apart, pads=pads)
        for numbers, top in zip(indices, out.tops[1:], strict=True):
            # They run over the whole blob; Caffe's are places in a plane.
            places = out.step("Mod", [numbers, out.integers("positions", [prod(sizes)])], "places")
            out.graph.node("Cast", [places], top, to=TensorProto.FLOAT)
        return
    # Caffe divides by the part of a window within the padding that the file states; what a last window covers
    # beyond it does not count. So the file's padding is counted, and the rest is padding that is not.
    if not params.count_padding:
        pads = [*window.pad, *(max(0, r - size - pad) for r, size, pad in each)]
        out.top("AveragePool", [source], **steps, pads=pads, count_include_pad=0)
        return
    ends = params.ends(sizes)
    beyond = [max(0, r - size - pad - end) for (r, size, pad), end in zip(each, ends, strict=True)]
    if not any(beyond):
        out.top("AveragePool", [source], **steps, pads=[*window.pad, *ends], count_include_pad=1)
        return
    if any(window.pad) or any(ends):
        source = out.step("Pad", [source, out.integers("pads", [0, 0, *window.pad, 0, 0, *ends])], "padded")
    out.top("AveragePool", [source], **steps, pads=[*(0 for _ in beyond), *beyond], count_include_pad=0)


@EMITTERS.register("SPP")
def spp(out: Emission, params: SPP) -> None:
    """The pooling of each grid, flattened; a Concat of them. One grid is a pooling alone."""
    levels, grids = params.levels(out.bottom().shape[2:]), []
    if params.keeps_axes:
        pooling(out, levels[0])
        return
    for number, level in enumerate(levels):
        grid = out.fresh(f"grid{number}")
        pooling(replace(out, tops=(grid,)), level)
        grids.append(out.step("Flatten", [grid], f"bins{number}", axis=1))
    out.top("Concat", grids, axis=1)
