"""Activations that stand alone: y[i] = f(x[i], alpha) over all elements of a chunk."""

from collections.abc import Callable

import numpy as np

from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at
from xdn.codegen.names import KernelName
from xdn.kernels import mathematics
from xdn.kernels.family import Lowered, Lowering, Step, address, family, words
from xdn.kernels.layout import ARENA, BLOCKS, BOTH
from xdn.kernels.share import share

X, Y, BLOCK, ALPHA = range(4)


def _times(x, factor):
    return x * factor


def _sigmoid(x, alpha):
    return mathematics.sigmoid(x)


def _tanh(x, alpha):
    return mathematics.tanh(x)


def _body(function: Callable[..., float]) -> KernelBody:
    from numba.extending import register_jitable

    f = register_jitable(function)

    def pointwise(desc, frame):
        x, y = f32_at(frame[ARENA] + desc[X]), f32_at(frame[ARENA] + desc[Y])
        alpha = f32_at(desc[ALPHA])[0]
        first, end = share(frame, frame[BLOCKS] * desc[BLOCK])
        # Two loops, because a compiler vectorises a loop over two arrays only where they do not overlap.
        if desc[X] == desc[Y]:
            for i in range(first, end):
                y[i] = f(y[i], alpha)
        else:
            for i in range(first, end):
                y[i] = f(x[i], alpha)

    return pointwise


def _lower(lowering: Lowering, op: str, function: Callable[..., float], alpha: float = 0.0) -> Lowered:
    layer = lowering.layer
    constant = np.array([alpha], np.float32)
    descriptor = words(4, {BLOCK: lowering.top().block_elements, ALPHA: address(constant)})
    source = KernelSource(KernelName(op, lowering.isa.name), lambda: _body(function))
    step = Step(source, descriptor, {X: layer.bottoms[0], Y: layer.tops[0]}, (constant,))
    return Lowered([step], in_place={layer.tops[0]: layer.bottoms[0]})


@family("leaky", "ReLU", schedules=BOTH)
def lower_relu(lowering: Lowering) -> Lowered:
    """Keep positive values, multiply the others by a slope."""
    return _lower(lowering, "leaky", mathematics.relu, lowering.layer.params.negative_slope)


@family("elu", "ELU", schedules=BOTH)
def lower_elu(lowering: Lowering) -> Lowered:
    """Keep positive values, alpha * (e**x - 1) for the others."""
    return _lower(lowering, "elu", mathematics.elu, lowering.layer.params.alpha)


@family("times", "Dropout", when=lambda lowering: lowering.layer.params.factor != 1, schedules=BOTH)
def lower_dropout(lowering: Lowering) -> Lowered:
    """Multiply by what training left to the test phase."""
    return _lower(lowering, "times", _times, lowering.layer.params.factor)


@family("sigmoid", "Sigmoid", schedules=BOTH)
def lower_sigmoid(lowering: Lowering) -> Lowered:
    """1 / (1 + e**-x)."""
    return _lower(lowering, "sigmoid", _sigmoid)


@family("tanh", "TanH", schedules=BOTH)
def lower_tanh(lowering: Lowering) -> Lowered:
    """Hyperbolic tangent."""
    return _lower(lowering, "tanh", _tanh)
