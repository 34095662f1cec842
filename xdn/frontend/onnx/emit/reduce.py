"""Layers that make one value of many, in ONNX: Reduction, ArgMax."""

from collections.abc import Sequence
from math import prod
from typing import cast

from onnx import TensorProto

from xdn.frontend.onnx.emit.base import EMITTERS, TO_THE_END, Graph, unsupported
from xdn.graph import Layer
from xdn.layers.argmax import ArgMax
from xdn.layers.reduction import Reduction


@EMITTERS.register("Reduction")
def reduction(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """ReduceSum, ReduceL1, ReduceSumSquare or ReduceMean, and Mul where there is a coefficient."""
    params, bottom = cast(Reduction, layer.params), graph.bottom(layer)
    axes = list(range(bottom.axis(params.axis), len(bottom.shape)))
    target = tops[0] if params.coeff == 1 else graph.fresh(f"{tops[0]}.total")
    if params.operation == "SUM":  # the only one whose axes are an input in this opset
        graph.node("ReduceSum", [*bottoms, graph.integers(f"{layer.name}.axes", axes)], target, keepdims=0)
    else:
        op = {"ASUM": "ReduceL1", "SUMSQ": "ReduceSumSquare", "MEAN": "ReduceMean"}[params.operation]
        graph.node(op, bottoms, target, axes=axes, keepdims=0)
    if params.coeff != 1:
        graph.node("Mul", [target, graph.scalar(f"{layer.name}.coeff", params.coeff)], tops[0])


@EMITTERS.register("ArgMax")
def arg_max(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """ArgMax of the last index, or TopK; over an image of its flattened values."""
    params, top = cast(ArgMax, layer.params), tops[0]
    whole = params.axis is None
    axis = 1 if params.axis is None else graph.bottom(layer).axis(params.axis)
    source = graph.step("Flatten", bottoms, f"{top}.flat", axis=1) if whole else bottoms[0]
    if params.top_k == 1 and not params.out_max_val:
        place = graph.step("ArgMax", [source], f"{top}.place", axis=axis, select_last_index=1)
        found = graph.step("Cast", [place], f"{top}.number", to=TensorProto.FLOAT)
    else:
        values, places = _ranked(graph, layer, source, axis)
        both = graph.step("Concat", [places, values], f"{top}.both", axis=1) if whole and params.out_max_val else None
        found = both or (values if params.out_max_val else places)
    graph.reshape(found, layer.tops[0], top)


def _ranked(graph: Graph, layer: Layer, source: str, axis: int) -> tuple[str, str]:
    """Return the largest values and their places, both f32, of equal values the last first.

    TopK takes the first of equal ones, so it is given the values in reverse.
    """
    params, top = cast(ArgMax, layer.params), layer.tops[0]
    extent = graph.dims(layer.bottoms[0])[axis] if params.axis is not None else None
    if params.axis is None:
        extent = prod(graph.image_shape(layer, layer.bottoms[0]))
    if extent is None:
        raise unsupported(layer, "the number of values to choose from is the batch")
    begin, end, axes, step = (
        graph.integers(f"{layer.name}.{name}", [value])
        for name, value in (("begin", -1), ("end", -TO_THE_END), ("axis", axis), ("step", -1))
    )
    backwards = graph.step("Slice", [source, begin, end, axes, step], f"{top}.backwards")
    values, places = graph.fresh(f"{top}.values"), graph.fresh(f"{top}.places")
    count = graph.integers(f"{layer.name}.top_k", [params.top_k])
    graph.node_of_several("TopK", [backwards, count], [values, places], axis=axis)
    numbers = graph.step("Cast", [places], f"{top}.numbers", to=TensorProto.FLOAT)
    last = graph.scalar(f"{layer.name}.last", extent - 1)
    return values, graph.step("Sub", [last, numbers], f"{top}.forwards")
