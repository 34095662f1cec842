"""Layers that normalise an image by its own moments, in ONNX: Normalize, MVN."""

from collections.abc import Sequence
from typing import cast

from xdn.frontend.onnx.emit.base import EMITTERS, Graph
from xdn.graph import Layer
from xdn.layers.broadcast import spread
from xdn.layers.mvn import MVN
from xdn.layers.normalize import Normalize


@EMITTERS.register("Normalize")
def normalize(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Div by the root of ReduceSumSquare and eps, or by ReduceL1 and eps, then Mul where there is a scale."""
    params, axes, top = cast(Normalize, layer.params), len(graph.bottom(layer).shape), tops[0]
    over = list(range(1, axes if params.across_spatial else 2))
    total = graph.step("ReduceL1" if params.norm == "L1" else "ReduceSumSquare", bottoms, f"{top}.total", axes=over)
    kept = graph.step("Add", [total, graph.scalar(f"{layer.name}.eps", params.eps)], f"{top}.kept")
    norm = kept if params.norm == "L1" else graph.step("Sqrt", [kept], f"{top}.norm")
    if not params.scaled:
        graph.node("Div", [bottoms[0], norm], top)
        return
    unit = graph.step("Div", [bottoms[0], norm], f"{top}.unit")
    scale = graph.constant(f"{layer.name}.scale", spread(layer.weights["scale"], 1, axes))
    graph.node("Mul", [unit, scale], top)


@EMITTERS.register("MVN")
def mvn(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Sub and Div by ReduceMean and the root of ReduceMean of squares; without axes each value is its own mean."""
    params, top = cast(MVN, layer.params), tops[0]
    over = list(range(1 if params.across_channels else 2, len(graph.bottom(layer).shape)))

    def mean(source: str, wish: str) -> str:
        return graph.step("ReduceMean", [source], f"{top}.{wish}", axes=over) if over else source

    centred = graph.fresh(f"{top}.centred") if params.normalize_variance else top
    graph.node("Sub", [bottoms[0], mean(bottoms[0], "mean")], centred)
    if not params.normalize_variance:
        return
    square = graph.step("Mul", [centred, centred], f"{top}.square")
    deviation = graph.step("Sqrt", [mean(square, "variance")], f"{top}.deviation")
    kept = graph.step("Add", [deviation, graph.scalar(f"{layer.name}.eps", params.eps)], f"{top}.kept")
    graph.node("Div", [centred, kept], top)
