"""Interp, DeephiResize and Upsample in ONNX."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from onnx import TensorProto

from xdn.frontend.onnx.emit.base import EMITTERS, TO_THE_END, Graph
from xdn.graph import Layer
from xdn.layers.deephiresize import DeephiResize
from xdn.layers.interp import Interp
from xdn.layers.upsample import Upsample

#: Resize's inputs for a region of interest and for scales, left out.
_LEFT_OUT = ("", "")


@EMITTERS.register("Interp")
def interp(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Resize, linear with aligned corners, after a Slice that crops; batch and channels are read from the data."""
    params, top = cast(Interp, layer.params), tops[0]
    source = bottoms[0]
    if params.pad_beg or params.pad_end:
        begins = graph.integers(f"{layer.name}.begins", [-params.pad_beg] * 2)
        ends = graph.integers(f"{layer.name}.ends", [params.pad_end or TO_THE_END] * 2)
        source = graph.step(
            "Slice", [source, begins, ends, graph.integers(f"{layer.name}.axes", [2, 3])], f"{top}.part"
        )
    size = graph.step("Shape", [bottoms[1]], f"{top}.size", start=2) if params.use_blob_size else _size(graph, layer)
    _linear(graph, source, size, top, "align_corners")


def _size(graph: Graph, layer: Layer) -> str:
    """Return the constant with the top's height and width."""
    return graph.integers(f"{layer.name}.size", graph.image_shape(layer, layer.tops[0])[1:])


def _linear(graph: Graph, source: str, size: str, top: str, places: str) -> None:
    """Append a linear Resize to `size`, for which `places` says how places lie to each other."""
    images = graph.step("Shape", [source], f"{top}.images", end=2)
    sizes = graph.step("Concat", [images, size], f"{top}.sizes", axis=0)
    graph.node("Resize", [source, *_LEFT_OUT, sizes], top, mode="linear", coordinate_transformation_mode=places)


@EMITTERS.register("DeephiResize")
def deephi_resize(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Resize, linear between the middles of places; or a Gather of rows and one of columns."""
    params, top = cast(DeephiResize, layer.params), tops[0]
    if params.resize_type == "BILINEAR":
        _linear(graph, bottoms[0], _size(graph, layer), top, "half_pixel")
        return
    rows, columns = params.places(*graph.bottom(layer).shape[2:])
    taken = graph.step(
        "Gather", [bottoms[0], graph.integers(f"{layer.name}.rows", rows.tolist())], f"{top}.rows", axis=2
    )
    graph.node("Gather", [taken, graph.integers(f"{layer.name}.columns", columns.tolist())], top, axis=3)


@EMITTERS.register("Upsample")
def upsample(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Resize to the nearest position before; with a mask ScatterElements into zeros."""
    if len(bottoms) > 1:
        _scattered(graph, layer, bottoms, tops[0])
        return
    scales = graph.constant(
        f"{layer.name}.scales", np.array([1, 1, *cast(Upsample, layer.params).factors()], np.float32)
    )
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    graph.node("Resize", [*bottoms, "", scales], tops[0], **how)


def _scattered(graph: Graph, layer: Layer, bottoms: Sequence[str], top: str) -> None:
    """Append what puts each value at its mask's place; places outside of the top are an element after it, cut off.

    Of several values at one place ONNX leaves open which is kept; ONNX Runtime keeps the last, as Caffe does.
    """
    c, p, q = graph.image_shape(layer, layer.tops[0])
    rows = graph.integers(f"{layer.name}.rows", [0, c, -1])
    values, places = (
        graph.step("Reshape", [name, rows], f"{top}.{what}") for name, what in zip(bottoms, ("x", "at"), strict=True)
    )
    outside = graph.scalar(f"{layer.name}.outside", p * q)
    low = graph.step("GreaterOrEqual", [places, graph.scalar(f"{layer.name}.first", 0)], f"{top}.low")
    within = graph.step("And", [low, graph.step("Less", [places, outside], f"{top}.high")], f"{top}.within")
    kept = graph.step("Where", [within, places, outside], f"{top}.kept")
    numbers = graph.step("Cast", [kept], f"{top}.numbers", to=TensorProto.INT64)
    images = graph.step("Shape", [bottoms[0]], f"{top}.images", end=1)
    plane = graph.integers(f"{layer.name}.plane", [c, p * q + 1])
    zeros = graph.step(
        "ConstantOfShape", [graph.step("Concat", [images, plane], f"{top}.size", axis=0)], f"{top}.zeros"
    )
    filled = graph.step("ScatterElements", [zeros, numbers, values], f"{top}.filled", axis=2)
    begin, end, axis = (
        graph.integers(f"{layer.name}.{name}", [i]) for name, i in (("begin", 0), ("end", p * q), ("axis", 2))
    )
    graph.reshape(graph.step("Slice", [filled, begin, end, axis], f"{top}.part"), layer.tops[0], top)
