"""Layers that take values to other places, in ONNX: Slice, Crop, Pad, Permute, Tile, ShuffleChannel, Reorg."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

from xdn.frontend.onnx.emit.base import EMITTERS, TO_THE_END, Graph
from xdn.graph import Layer
from xdn.layers.crop import Crop
from xdn.layers.pad import Pad
from xdn.layers.permute import Permute
from xdn.layers.reorg import Reorg
from xdn.layers.shufflechannel import ShuffleChannel
from xdn.layers.slice import Slice
from xdn.layers.tile import Tile


@EMITTERS.register("Slice")
def slice_(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Split into equal parts; with points one Slice a top, so that the last part takes what the batch leaves."""
    params, bottom = cast(Slice, layer.params), graph.bottom(layer)
    axis = params.along(bottom)
    if not params.slice_point:
        graph.node_of_several("Split", bottoms, tops, axis=axis)
        return
    axes = graph.integers(f"{layer.name}.axis", [axis])
    points = [0, *params.slice_point, TO_THE_END]
    bounds = [graph.integers(f"{layer.name}.point{i}", [point]) for i, point in enumerate(points)]
    for top, (begin, end) in zip(tops, pairwise(bounds), strict=True):
        graph.node("Slice", [*bottoms, begin, end, axes], top)


@EMITTERS.register("Crop")
def crop(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Slice; where an extent of the second bottom depends on the batch, its Shape says how far."""
    params, bottom = cast(Crop, layer.params), graph.bottom(layer)
    axis, axes = bottom.axis(params.axis), len(bottom.shape)
    window = params.window([bottom, graph.bottom(layer, 1)])[axis:]
    begins = graph.integers(f"{layer.name}.begins", [part.start for part in window])
    if None in graph.dims(layer.bottoms[1])[axis:]:
        extents = graph.step("Shape", [bottoms[1]], f"{tops[0]}.extents", start=axis)
        ends = graph.step("Add", [begins, extents], f"{tops[0]}.ends")
    else:
        ends = graph.integers(f"{layer.name}.ends", [part.stop for part in window])
    cut = graph.integers(f"{layer.name}.axes", range(axis, axes))
    graph.node("Slice", [bottoms[0], begins, ends, cut], tops[0])


@EMITTERS.register("Pad")
def pad(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Pad with zeros."""
    (above, below), (left, right) = cast(Pad, layer.params).border()
    pads = graph.integers(f"{layer.name}.pads", [0, 0, above, left, 0, 0, below, right])
    graph.node("Pad", [*bottoms, pads], tops[0])


@EMITTERS.register("Permute")
def permute(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Transpose."""
    graph.node("Transpose", bottoms, tops[0], perm=cast(Permute, layer.params).axes(graph.bottom(layer)))


@EMITTERS.register("Tile")
def tile(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Tile along one axis."""
    params, bottom = cast(Tile, layer.params), graph.bottom(layer)
    repeats = [1] * len(bottom.shape)
    repeats[bottom.axis(params.axis)] = params.tiles
    graph.node("Tile", [*bottoms, graph.integers(f"{layer.name}.repeats", repeats)], tops[0])


def _transposed(
    graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str], parted: Sequence[int], order: Sequence[int]
) -> None:
    """Append a Reshape of each image to `parted`, a Transpose of images and parts, and a Reshape to the top."""
    shape = graph.integers(f"{layer.name}.parted", [-1, *parted])
    parts = graph.step("Reshape", [*bottoms, shape], f"{tops[0]}.parted")
    turned = graph.step("Transpose", [parts], f"{tops[0]}.turned", perm=order)
    graph.reshape(turned, layer.tops[0], tops[0])


@EMITTERS.register("ShuffleChannel")
def shuffle_channel(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Groups and channels of a group, transposed."""
    group = cast(ShuffleChannel, layer.params).group
    c, *rest = graph.image_shape(layer, layer.bottoms[0])
    order = (0, 2, 1, *range(3, 3 + len(rest)))
    _transposed(graph, layer, bottoms, tops, (group, c // group, *rest), order)


@EMITTERS.register("Reorg")
def reorg(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Darknet's order, and its inverse with `reverse`."""
    params = cast(Reorg, layer.params)
    s, (c, h, w) = params.stride, graph.image_shape(layer, layer.bottoms[0])
    if params.reverse:
        _transposed(graph, layer, bottoms, tops, (s, s, c // (s * s), h, w), (0, 3, 4, 1, 5, 2))
    else:
        _transposed(graph, layer, bottoms, tops, (c // (s * s), h, s, w, s), (0, 3, 5, 1, 2, 4))
