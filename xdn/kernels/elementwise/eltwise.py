"""Eltwise: the bottoms two by two, y = a*x0 + b*x1, x0*x1 or max(x0, x1)."""

import numpy as np

from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at
from xdn.codegen.jit import jitable
from xdn.codegen.names import KernelName
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.layout import ARENA, BLOCKS, BOTH
from xdn.kernels.core.portion import portion

X0, X1, Y, BLOCK, COEFFICIENTS = range(5)


def _sum(a, x, b, z):
    return a * x + b * z


def _product(a, x, b, z):
    return x * z


def _maximum(a, x, b, z):
    return x if x > z else z


def _keep_maximum(a, x, b, z):
    # Of three and more bottoms Caffe lets the further ones win only where they are larger: it matters for NaN.
    return z if z > x else x


_FUNCTIONS = {"SUM": ("add", _sum), "PROD": ("multiply", _product), "MAX": ("maximum", _maximum)}
#: For the third bottom and those after it, where that differs.
_FURTHER = _FUNCTIONS | {"MAX": ("keep_maximum", _keep_maximum)}


def _source(table, operation: str, target: str) -> KernelSource:
    op, function = table[operation]
    return KernelSource(KernelName(op, target), lambda: _body(function))


def _body(function) -> KernelBody:

    f = jitable(function)

    def eltwise(desc, frame):
        x0, x1 = f32_at(frame[ARENA] + desc[X0]), f32_at(frame[ARENA] + desc[X1])
        y, coefficients = f32_at(frame[ARENA] + desc[Y]), f32_at(desc[COEFFICIENTS])
        a, b = coefficients[0], coefficients[1]
        first, end = portion(frame, frame[BLOCKS] * desc[BLOCK])
        # Loops apart, because a compiler vectorises only where the arrays do not overlap.
        if desc[X0] == desc[Y]:
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
    coefficients = layer.params.coeff or (1.0,) * len(layer.bottoms)
    steps = []
    for i in range(1, len(layer.bottoms)):
        first = coefficients[0] if i == 1 else 1.0
        pair = np.array([first, coefficients[i]], np.float32)
        descriptor = words(5, {BLOCK: lowering.top().block_elements, COEFFICIENTS: address(pair)})
        blobs = {X0: layer.bottoms[0] if i == 1 else top, X1: layer.bottoms[i], Y: top}
        source = _source(_FUNCTIONS if i == 1 else _FURTHER, layer.params.operation, lowering.target.name)
        steps.append(Step(source, descriptor, blobs, (pair,)))
    return Lowered(steps, in_place={top: layer.bottoms[0]})
