"""Layers that map every element on its own: y[i] = f(x[i], constants) over all elements of a chunk."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at
from xdn.codegen.names import KernelName
from xdn.kernels import mathematics
from xdn.kernels.family import Lowered, Lowering, Step, address, family, words
from xdn.kernels.layout import ARENA, BLOCKS, BOTH
from xdn.kernels.share import share
from xdn.layers.selu import ALPHA, SCALE

X, Y, BLOCK, CONSTANTS = range(4)
#: As many constants as any function takes.
MOST_CONSTANTS = 4


def _body(function: Callable[..., float]) -> KernelBody:
    from numba.extending import register_jitable

    f = register_jitable(function)

    def pointwise(desc, frame):
        x, y = f32_at(frame[ARENA] + desc[X]), f32_at(frame[ARENA] + desc[Y])
        constants = f32_at(desc[CONSTANTS])
        a, b, c, d = constants[0], constants[1], constants[2], constants[3]
        first, end = share(frame, frame[BLOCKS] * desc[BLOCK])
        # Two loops, because a compiler vectorises a loop over two arrays only where they do not overlap.
        if desc[X] == desc[Y]:
            for i in range(first, end):
                y[i] = f(y[i], a, b, c, d)
        else:
            for i in range(first, end):
                y[i] = f(x[i], a, b, c, d)

    return pointwise


def _lower(lowering: Lowering, op: str, function: Callable[..., float], *given: float) -> Lowered:
    """Return the step that computes `function` (x, a, b, c, d) of every element, with the constants `given` first."""
    layer = lowering.layer
    constants = np.zeros(MOST_CONSTANTS, np.float32)
    with np.errstate(over="ignore"):
        constants[: len(given)] = given
    descriptor = words(4, {BLOCK: lowering.top().block_elements, CONSTANTS: address(constants)})
    source = KernelSource(KernelName(op, lowering.isa.name), lambda: _body(function))
    step = Step(source, descriptor, {X: layer.bottoms[0], Y: layer.tops[0]}, (constants,))
    return Lowered([step], in_place={layer.tops[0]: layer.bottoms[0]})


@dataclass(frozen=True)
class Function:
    """A layer type that is one function of each element.

    Parameters
    ----------
    op : str
        What kernel and family are called.
    type : str
        The layer type.
    compute : callable
        (x, a, b, c, d) -> y, of one element; Numba compiles it.
    what : str
        What it computes, in a line.
    constants : callable
        The layer's parameters -> a, b, ... as far as the function takes them.
    """

    op: str
    type: str
    compute: Callable[..., float]
    what: str
    constants: Callable[[Any], tuple[float, ...]] = lambda params: ()


def _leaky(x, slope, b, c, d):
    return mathematics.relu(x, slope)


def _elu(x, alpha, b, c, d):
    return mathematics.elu(x, alpha)


def _selu(x, scale, alpha, c, d):
    return scale * mathematics.elu(x, alpha)


def _sigmoid(x, a, b, c, d):
    return mathematics.sigmoid(x)


def _tanh(x, a, b, c, d):
    return mathematics.tanh(x)


def _relu6(x, a, b, c, d):
    return mathematics.relu6(x)


def _hsigmoid(x, a, b, c, d):
    return mathematics.hsigmoid(x)


def _hswish(x, a, b, c, d):
    return mathematics.hswish(x)


def _swish(x, beta, b, c, d):
    return mathematics.swish(x, beta)


def _mish(x, a, b, c, d):
    return mathematics.mish(x)


def _softplus(x, a, b, c, d):
    return mathematics.softplus(x)


def _magnitude(x, a, b, c, d):
    return abs(x)


def _bounded(x, least, most, c, d):
    return mathematics.bounded(x, least, most)


def _above(x, threshold, one, zero, d):
    return one if x > threshold else zero


def _exponential(x, inner, outer, c, d):
    return mathematics.exp(x * inner) * outer


def _logarithm(x, scale, shift, factor, d):
    return mathematics.log(x * scale + shift) * factor


#: Each is a family of its own.
FUNCTIONS = (
    Function(
        "leaky", "ReLU", _leaky, "Keep positive values, multiply the others by a slope.", lambda p: (p.negative_slope,)
    ),
    Function("elu", "ELU", _elu, "Keep positive values, alpha * (e**x - 1) for the others.", lambda p: (p.alpha,)),
    Function("selu", "SELU", _selu, "An ELU with the constants that keep mean and variance.", lambda p: (SCALE, ALPHA)),
    Function("sigmoid", "Sigmoid", _sigmoid, "1 / (1 + e**-x)."),
    Function("tanh", "TanH", _tanh, "Hyperbolic tangent."),
    Function("relu6", "ReLU6", _relu6, "Values kept between 0 and 6."),
    Function("hsigmoid", "HSigmoid", _hsigmoid, "A sigmoid of three straight lines."),
    Function("hswish", "HSwish", _hswish, "x times a sigmoid of three straight lines."),
    Function("swish", "Swish", _swish, "x times the sigmoid of beta * x.", lambda p: (p.beta,)),
    Function("mish", "Mish", _mish, "x times the hyperbolic tangent of log(1 + e**x)."),
    Function("softplus", "BNLL", _softplus, "log(1 + e**x)."),
    Function("magnitude", "AbsVal", _magnitude, "The value without its sign."),
    Function("bounded", "Clip", _bounded, "Values kept between two bounds.", lambda p: (p.min, p.max)),
    Function("above", "Threshold", _above, "1 above a value, else 0.", lambda p: (p.threshold, 1, 0)),
    Function("exponential", "Exp", _exponential, "base ** (shift + scale * x).", lambda p: p.factors()),
    Function(
        *("logarithm", "Log", _logarithm, "log(shift + scale * x), to a base."),
        lambda p: (p.scale, p.shift, p.factor()),
    ),
)


def _enter(function: Function) -> None:
    """Enter the family of a function into the table of families."""

    def lower(lowering: Lowering) -> Lowered:
        return _lower(lowering, function.op, function.compute, *function.constants(lowering.layer.params))

    lower.__doc__ = function.what
    family(function.op, function.type, schedules=BOTH)(lower)


for _function in FUNCTIONS:
    _enter(_function)


def _times(x, factor, b, c, d):
    return x * factor


@family("times", "Dropout", when=lambda lowering: lowering.layer.params.factor != 1, schedules=BOTH)
def lower_dropout(lowering: Lowering) -> Lowered:
    """Multiply by what training left to the test phase."""
    return _lower(lowering, "times", _times, lowering.layer.params.factor)


def _linear(x, scale, shift, c, d):
    return x * scale + shift


def _square(x, scale, shift, c, d):
    base = x * scale + shift
    return base * base


def _cube(x, scale, shift, c, d):
    base = x * scale + shift
    return base * base * base


def _square_root(x, scale, shift, c, d):
    return math.sqrt(x * scale + shift)


def _reciprocal(x, scale, shift, one, d):
    return one / (x * scale + shift)


def _any_power(x, scale, shift, exponent, sign):
    return mathematics.signed_power(x * scale + shift, exponent, sign)


#: Powers that have a shorter way than logarithm and exponential.
_POWERS = {
    1.0: ("linear", _linear),
    2.0: ("square", _square),
    3.0: ("cube", _cube),
    0.5: ("square_root", _square_root),
    -1.0: ("reciprocal", _reciprocal),
}


@family("power", "Power", schedules=BOTH)
def lower_power(lowering: Lowering) -> Lowered:
    """(shift + scale * x) ** power."""
    params = lowering.layer.params
    if params.scale == 0 or params.power == 0:
        constant = params.constant()
        return _lower(lowering, "above", _above, 0, constant, constant)
    if params.power in _POWERS:
        return _lower(lowering, *_POWERS[params.power], params.scale, params.shift, 1)
    # A negative base has a power only where that is an integer; an odd one keeps the sign.
    sign = {0: 1.0, 1: -1.0}.get(params.power % 2, np.nan)
    return _lower(lowering, "any_power", _any_power, params.scale, params.shift, params.power, sign)
