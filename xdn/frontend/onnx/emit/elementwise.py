"""Layers that work element by element, in ONNX: functions, PReLU, Eltwise, Unary, Binary, Axpy, Dropout, Split."""

import numpy as np
from onnx import TensorProto

from xdn.frontend.onnx.emit.base import EMITTERS, Emission
from xdn.graph import LayerParams
from xdn.layers.binary import Binary
from xdn.layers.broadcast import spread
from xdn.layers.dropout import Dropout
from xdn.layers.eltwise import Eltwise
from xdn.layers.function import Constant, Function, Node, Operand, functions
from xdn.layers.unary import Unary

#: Operations of Binary -> the operator; those that give truth values are the second group.
_NUMBERS = {"ADD": "Add", "SUB": "Sub", "MUL": "Mul", "DIV": "Div", "MAX": "Max", "MIN": "Min", "POW": "Pow"}
_TRUTHS = {
    "EQUAL": "Equal",
    "LESS": "Less",
    "LESS_OR_EQUAL": "LessOrEqual",
    "GREATER": "Greater",
    "GREATER_OR_EQUAL": "GreaterOrEqual",
}


@EMITTERS.register(*(cls.type for cls in functions()))
def function(out: Emission, params: Function) -> None:
    """The tree of nodes that the layer's own file holds, from the bottom to the top."""

    def inputs(node: Node) -> list[str]:
        return [operand(each) for each in node.inputs]

    def operand(each: Operand) -> str:
        if each is None:
            return out.bottoms[0]
        if isinstance(each, Constant):
            return out.scalar(each.name, each.value)
        return out.step(each.op, inputs(each), each.name, **each.attributes)

    form = params.onnx()
    out.top(form.op, inputs(form), **form.attributes)


@EMITTERS.register("PReLU")
def prelu(out: Emission, params: LayerParams) -> None:
    """PRelu with the slopes laid along the channels."""
    slope = spread(out.layer.weights["slope"], 1, len(out.bottom().shape))
    out.top("PRelu", [*out.bottoms, out.constant("slope", np.atleast_1d(slope))])


@EMITTERS.register("Split")
def split(out: Emission, params: LayerParams) -> None:
    """Identity for every top."""
    for top in out.tops:
        out.graph.node("Identity", out.bottoms, top)


@EMITTERS.register("Dropout")
def dropout(out: Emission, params: Dropout) -> None:
    """Identity, or the product with the factor that training left out."""
    if params.factor == 1:
        out.top("Identity", out.bottoms)
    else:
        out.top("Mul", [*out.bottoms, out.scalar("factor", params.factor)])


@EMITTERS.register("Eltwise")
def eltwise(out: Emission, params: Eltwise) -> None:
    """A chain of operators from the first bottom to the last, coefficients multiplied in beforehand."""
    op = {"PROD": "Mul", "SUM": "Add", "MAX": "Max", "MIN": "Min", "DIV": "Div"}[params.operation]
    operands = list(out.bottoms)
    for i, coeff in enumerate(params.coeff):
        if coeff != 1:
            operands[i] = out.step("Mul", [operands[i], out.scalar(f"coeff{i}", coeff)], f"weighted{i}")
    total = operands[0]
    for operand in operands[1:-1]:
        total = out.step(op, [total, operand], "part")
    out.top(op, [total, operands[-1]])


@EMITTERS.register("Axpy")
def axpy(out: Emission, params: LayerParams) -> None:
    """Mul and Add, the factors with as many axes as what they scale."""
    factors, scaled, added = out.bottoms
    given, axes = len(out.bottom(0).shape), len(out.bottom(1).shape)
    if given != axes:
        places = out.integers("axes", range(min(given, axes), max(given, axes)))
        factors = out.step("Unsqueeze" if given < axes else "Squeeze", [factors, places], "factors")
    out.top("Add", [out.step("Mul", [factors, scaled], "scaled"), added])


@EMITTERS.register("Unary")
def unary(out: Emission, params: Unary) -> None:
    """The operator of that name; TRUNC is the floor of the magnitude with the sign of the value."""
    if params.operation == "IS_NAN":
        out.top("Cast", [out.step("IsNaN", out.bottoms, "is_nan")], to=TensorProto.FLOAT)
    elif params.operation == "TRUNC":
        whole = out.step("Floor", [out.step("Abs", out.bottoms, "magnitude")], "whole")
        out.top("Mul", [out.step("Sign", out.bottoms, "sign"), whole])
    else:
        out.top(params.operation.capitalize(), out.bottoms)


@EMITTERS.register("Binary")
def binary(out: Emission, params: Binary) -> None:
    """The operator that broadcasts the same way; truth values become numbers."""
    if params.operation in _NUMBERS:
        out.top(_NUMBERS[params.operation], out.bottoms)
    elif params.operation == "FMOD":
        out.top("Mod", out.bottoms, fmod=1)
    elif params.operation == "MOD":
        whole = out.step("Floor", [out.step("Div", out.bottoms, "quotient")], "whole")
        out.top("Sub", [out.bottoms[0], out.step("Mul", [whole, out.bottoms[1]], "multiple")])
    elif params.operation == "NOT_EQUAL":
        other = out.step("Not", [out.step("Equal", out.bottoms, "equal")], "other")
        out.top("Cast", [other], to=TensorProto.FLOAT)
    else:
        out.top("Cast", [out.step(_TRUTHS[params.operation], out.bottoms, "truth")], to=TensorProto.FLOAT)
