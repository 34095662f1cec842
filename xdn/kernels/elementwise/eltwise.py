"""Eltwise: the bottoms two by two, y = a*x0 + b*x1, x0*x1, x0/x1, max(x0, x1) or min(x0, x1)."""

from collections.abc import Callable
from functools import partial

from xdn.codegen.intrinsics import at, same_place
from xdn.codegen.jit import jitable
from xdn.codegen.source import KernelBody
from xdn.kernels.core.descriptor import Descriptor, Number, Place, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion


class Pair(Descriptor):
    """Elements of a block, and the coefficients of two bottoms."""

    x0, x1, y = Place(), Place(), Place()
    y_block = Size()
    a, b = Number(), Number()


def _sum(a: float, x: float, b: float, z: float) -> float:
    return a * x + b * z


def _product(a: float, x: float, b: float, z: float) -> float:
    return x * z


def _maximum(a: float, x: float, b: float, z: float) -> float:
    return x if x > z else z


def _keep_maximum(a: float, x: float, b: float, z: float) -> float:
    # Of three and more bottoms Caffe lets the further ones win only where they are larger: it matters for NaN.
    return z if z > x else x


def _minimum(a: float, x: float, b: float, z: float) -> float:
    return x if x < z else z


def _keep_minimum(a: float, x: float, b: float, z: float) -> float:
    return z if z < x else x


def _quotient(a: float, x: float, b: float, z: float) -> float:
    return x / z


_FUNCTIONS = {
    "SUM": ("add", _sum),
    "PROD": ("multiply", _product),
    "MAX": ("maximum", _maximum),
    "MIN": ("minimum", _minimum),
    "DIV": ("divide", _quotient),
}
#: For the third bottom and those after it, where that differs.
_FURTHER = _FUNCTIONS | {"MAX": ("keep_maximum", _keep_maximum), "MIN": ("keep_minimum", _keep_minimum)}


def _body(function: Callable[..., float]) -> KernelBody:
    f = jitable(function)

    def eltwise(d, frame):
        x0, x1, y, a, b = at(frame, d.x0), at(frame, d.x1), at(frame, d.y), d.a, d.b
        first, end = portion(frame, frame.blocks * d.y_block)
        # Two loops, because a compiler vectorises only where the arrays do not overlap.
        if same_place(d.x0, d.y):
            for i in range(first, end):
                y[i] = f(a, y[i], b, x1[i])
        else:
            for i in range(first, end):
                y[i] = f(a, x0[i], b, x1[i])

    return eltwise


@family("eltwise", "Eltwise", schedules=BOTH)
def lower_eltwise(lowering: Lowering) -> Lowered:
    """Combine blobs of one shape, the first two, then each further one with the result."""
    layer, top = lowering.layer, lowering.layer.tops[0]
    coefficients = lowering.params.coeff or (1.0,) * len(layer.bottoms)
    steps = []
    for i in range(1, len(layer.bottoms)):
        x0, a = (layer.bottoms[0], coefficients[0]) if i == 1 else (top, 1.0)
        words = lowering.words(Pair, x0=x0, x1=layer.bottoms[i], a=a, b=coefficients[i])
        op, function = (_FUNCTIONS if i == 1 else _FURTHER)[lowering.params.operation]
        steps.append(lowering.step(op, partial(_body, function), words, serves_both=True))
    return Lowered(steps, in_place={top: layer.bottoms[0]})
