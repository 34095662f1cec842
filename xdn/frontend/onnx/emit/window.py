"""Convolution, Deconvolution, InnerProduct, Pooling and SPP in ONNX."""

from collections.abc import Sequence
from math import prod
from typing import cast

import numpy as np
from onnx import TensorProto

from xdn.frontend.onnx.emit.base import EMITTERS, Graph
from xdn.graph import Layer
from xdn.layers.filters import Filters
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.pooling import Pooling
from xdn.layers.spp import SPP
from xdn.layers.window import Extents, Window


def _filters(graph: Graph, op: str, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Append a node with the layer's weights, window and groups.

    The padding is the same on both sides; where a window passes the padded input, there is more of it at the end.
    """
    params = cast(Filters, layer.params)
    window = params.window_over(graph.bottom(layer))
    over = (0,) * window.axes if window.transposed else window.overhang(graph.bottom(layer).shape[2:])
    graph.node(
        op,
        [*bottoms, *(graph.weight(layer, name) for name in layer.weights)],
        tops[0],
        kernel_shape=window.kernel,
        strides=window.stride,
        pads=(*window.pad, *(pad + more for pad, more in zip(window.pad, over, strict=True))),
        dilations=window.dilation,
        group=params.group,
    )


@EMITTERS.register("Convolution")
def convolution(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Conv."""
    _filters(graph, "Conv", layer, bottoms, tops)


@EMITTERS.register("Deconvolution")
def deconvolution(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """ConvTranspose."""
    _filters(graph, "ConvTranspose", layer, bottoms, tops)


@EMITTERS.register("InnerProduct")
def inner_product(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Gemm over the flattened axes, and back to the leading axes where these are not just the batch."""
    params = cast(InnerProduct, layer.params)
    axis = graph.bottom(layer).axis(params.axis)
    flat = graph.step("Flatten", bottoms, f"{tops[0]}.flat", axis=axis)
    inputs = [flat, *(graph.weight(layer, name) for name in layer.weights)]
    transposed = int(not params.transpose)
    if axis == 1:
        graph.node("Gemm", inputs, tops[0], transB=transposed)
    else:
        product = graph.step("Gemm", inputs, f"{tops[0]}.product", transB=transposed)
        graph.reshape(product, layer.tops[0], tops[0])


def _reach(window: Window, tops: Extents) -> Extents:
    """Return how far along each axis, leading padding included, the windows cover up to the last one's end."""
    each = zip(tops, window.stride, window.kernel, strict=True)
    return tuple((count - 1) * stride + kernel for count, stride, kernel in each)


@EMITTERS.register("Pooling")
def pooling(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """GlobalMaxPool, GlobalAveragePool, MaxPool or AveragePool, with padding that leaves nothing to round."""
    params = cast(Pooling, layer.params)
    maximum = params.pool == "MAX"
    if params.global_pooling and len(tops) == 1:
        graph.node("GlobalMaxPool" if maximum else "GlobalAveragePool", bottoms, tops[0])
        return
    sizes = graph.bottom(layer).shape[2:]
    window = params.window(sizes)
    reach = _reach(window, params.output_size(sizes))
    if maximum:
        ends = [max(0, r - size - pad) for r, size, pad in zip(reach, sizes, window.pad, strict=True)]
        indices = [graph.fresh(f"{top}.indices") for top in tops[1:]]
        _pool(graph, "MaxPool", bottoms[0], (tops[0], *indices), window, pads=[*window.pad, *ends])
        for numbers, top in zip(indices, tops[1:], strict=True):
            _places(graph, numbers, top, prod(sizes))
        return
    # Caffe divides by the part of a window within the padding that the file states; what a last window covers
    # beyond it does not count. So the file's padding is counted, and the rest is padding that is not.
    beyond = [max(0, r - size - 2 * pad) for r, size, pad in zip(reach, sizes, window.pad, strict=True)]
    if not any(beyond):
        _pool(graph, "AveragePool", bottoms[0], tops, window, pads=window.pad * 2, count_include_pad=1)
        return
    source = _zero_padded(graph, bottoms[0], tops[0], window.pad) if any(window.pad) else bottoms[0]
    _pool(graph, "AveragePool", source, tops, window, pads=[*(0 for _ in beyond), *beyond], count_include_pad=0)


@EMITTERS.register("SPP")
def spp(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """The pooling of each grid, flattened; a Concat of them."""
    grids = []
    for number, level in enumerate(cast(SPP, layer.params).levels(graph.bottom(layer).shape[2:])):
        grid = graph.fresh(f"{tops[0]}.grid{number}")
        pooling(graph, layer.replace(params=level), bottoms, (grid,))
        grids.append(graph.step("Flatten", [grid], f"{tops[0]}.bins{number}", axis=1))
    graph.node("Concat", grids, tops[0], axis=1)


def _places(graph: Graph, indices: str, top: str, positions: int) -> None:
    """Append what makes MaxPool's indices, which run over the whole blob, places in a plane of so many positions."""
    places = graph.step("Mod", [indices, graph.integers(f"{top}.positions", [positions])], f"{top}.places")
    graph.node("Cast", [places], top, to=TensorProto.FLOAT)


def _zero_padded(graph: Graph, source: str, top: str, pad: Extents) -> str:
    """Append a Pad with zeros on both sides of the axes of positions, and return its output's name."""
    pads = graph.constant(f"{top}.pads", np.array([0, 0, *pad] * 2, np.int64))
    return graph.step("Pad", [source, pads], f"{top}.padded")


def _pool(graph: Graph, op: str, source: str, tops: Sequence[str], window: Window, **attributes: object) -> None:
    """Append a pooling node with this window's kernel and stride."""
    graph.node_of_several(op, [source], tops, kernel_shape=window.kernel, strides=window.stride, **attributes)
