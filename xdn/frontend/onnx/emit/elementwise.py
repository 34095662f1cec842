"""Layers that work element by element, in ONNX: PReLU, Eltwise, Axpy, Dropout, Split; functions: pointwise.py."""

from collections.abc import Sequence
from typing import cast

import numpy as np

from xdn.frontend.onnx.emit.base import EMITTERS, Graph
from xdn.graph import Layer
from xdn.layers.broadcast import spread
from xdn.layers.dropout import Dropout
from xdn.layers.eltwise import Eltwise


@EMITTERS.register("PReLU")
def prelu(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """PRelu with the slopes laid along the channels."""
    slope = spread(layer.weights["slope"], 1, len(graph.bottom(layer).shape))
    graph.node("PRelu", [*bottoms, graph.constant(f"{layer.name}.slope", np.atleast_1d(slope))], tops[0])


@EMITTERS.register("Split")
def split(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Identity for every top."""
    for top in tops:
        graph.node("Identity", bottoms, top)


@EMITTERS.register("Dropout")
def dropout(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Identity, or the product with the factor that training left out."""
    factor = cast(Dropout, layer.params).factor
    if factor == 1:
        graph.node("Identity", bottoms, tops[0])
    else:
        graph.node("Mul", [*bottoms, graph.scalar(f"{layer.name}.factor", factor)], tops[0])


@EMITTERS.register("Eltwise")
def eltwise(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """A chain of Mul, Add or Max from the first bottom to the last, coefficients multiplied in beforehand."""
    params = cast(Eltwise, layer.params)
    op = {"PROD": "Mul", "SUM": "Add", "MAX": "Max"}[params.operation]
    operands = list(bottoms)
    for i, coeff in enumerate(params.coeff):
        if coeff != 1:
            factor = graph.scalar(f"{layer.name}.coeff{i}", coeff)
            operands[i] = graph.step("Mul", [bottoms[i], factor], f"{tops[0]}.weighted{i}")
    total = operands[0]
    for operand in operands[1:-1]:
        total = graph.step(op, [total, operand], f"{tops[0]}.part")
    graph.node(op, [total, operands[-1]], tops[0])


@EMITTERS.register("Axpy")
def axpy(graph: Graph, layer: Layer, bottoms: Sequence[str], tops: Sequence[str]) -> None:
    """Mul and Add, the factors with as many axes as what they scale."""
    factors, axes = bottoms[0], len(graph.bottom(layer, 1).shape)
    given = len(graph.bottom(layer).shape)
    if given != axes:
        places = graph.integers(f"{layer.name}.axes", range(min(given, axes), max(given, axes)))
        op = "Unsqueeze" if given < axes else "Squeeze"
        factors = graph.step(op, [factors, places], f"{tops[0]}.factors")
    graph.node("Add", [graph.step("Mul", [factors, bottoms[1]], f"{tops[0]}.scaled"), bottoms[2]], tops[0])
