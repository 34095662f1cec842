"""Layers that map every element on its own: y[i] = f(x[i], constants) over all elements of a chunk."""

import math
from collections.abc import Callable

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


def _leaky(x, slope, b, c, d):
    return mathematics.relu(x, slope)


@family("leaky", "ReLU", schedules=BOTH)
def lower_relu(lowering: Lowering) -> Lowered:
    """Keep positive values, multiply the others by a slope."""
    return _lower(lowering, "leaky", _leaky, lowering.layer.params.negative_slope)


def _elu(x, alpha, b, c, d):
    return mathematics.elu(x, alpha)


@family("elu", "ELU", schedules=BOTH)
def lower_elu(lowering: Lowering) -> Lowered:
    """Keep positive values, alpha * (e**x - 1) for the others."""
    return _lower(lowering, "elu", _elu, lowering.layer.params.alpha)


def _selu(x, scale, alpha, c, d):
    return scale * mathematics.elu(x, alpha)


@family("selu", "SELU", schedules=BOTH)
def lower_selu(lowering: Lowering) -> Lowered:
    """An ELU with the constants that keep mean and variance."""
    return _lower(lowering, "selu", _selu, SCALE, ALPHA)


def _times(x, factor, b, c, d):
    return x * factor


@family("times", "Dropout", when=lambda lowering: lowering.layer.params.factor != 1, schedules=BOTH)
def lower_dropout(lowering: Lowering) -> Lowered:
    """Multiply by what training left to the test phase."""
    return _lower(lowering, "times", _times, lowering.layer.params.factor)


def _sigmoid(x, a, b, c, d):
    return mathematics.sigmoid(x)


@family("sigmoid", "Sigmoid", schedules=BOTH)
def lower_sigmoid(lowering: Lowering) -> Lowered:
    """1 / (1 + e**-x)."""
    return _lower(lowering, "sigmoid", _sigmoid)


def _tanh(x, a, b, c, d):
    return mathematics.tanh(x)


@family("tanh", "TanH", schedules=BOTH)
def lower_tanh(lowering: Lowering) -> Lowered:
    """Hyperbolic tangent."""
    return _lower(lowering, "tanh", _tanh)


def _relu6(x, a, b, c, d):
    return mathematics.relu6(x)


@family("relu6", "ReLU6", schedules=BOTH)
def lower_relu6(lowering: Lowering) -> Lowered:
    """Values kept between 0 and 6."""
    return _lower(lowering, "relu6", _relu6)


def _hsigmoid(x, a, b, c, d):
    return mathematics.hsigmoid(x)


@family("hsigmoid", "HSigmoid", schedules=BOTH)
def lower_hsigmoid(lowering: Lowering) -> Lowered:
    """A sigmoid of three straight lines."""
    return _lower(lowering, "hsigmoid", _hsigmoid)


def _hswish(x, a, b, c, d):
    return mathematics.hswish(x)


@family("hswish", "HSwish", schedules=BOTH)
def lower_hswish(lowering: Lowering) -> Lowered:
    """x times a sigmoid of three straight lines."""
    return _lower(lowering, "hswish", _hswish)


def _swish(x, beta, b, c, d):
    return mathematics.swish(x, beta)


@family("swish", "Swish", schedules=BOTH)
def lower_swish(lowering: Lowering) -> Lowered:
    """x times the sigmoid of beta * x."""
    return _lower(lowering, "swish", _swish, lowering.layer.params.beta)


def _mish(x, a, b, c, d):
    return mathematics.mish(x)


@family("mish", "Mish", schedules=BOTH)
def lower_mish(lowering: Lowering) -> Lowered:
    """x times the hyperbolic tangent of log(1 + e**x)."""
    return _lower(lowering, "mish", _mish)


def _softplus(x, a, b, c, d):
    return mathematics.softplus(x)


@family("softplus", "BNLL", schedules=BOTH)
def lower_bnll(lowering: Lowering) -> Lowered:
    """log(1 + e**x)."""
    return _lower(lowering, "softplus", _softplus)


def _magnitude(x, a, b, c, d):
    return abs(x)


@family("magnitude", "AbsVal", schedules=BOTH)
def lower_absval(lowering: Lowering) -> Lowered:
    """The value without its sign."""
    return _lower(lowering, "magnitude", _magnitude)


def _bounded(x, least, most, c, d):
    return mathematics.bounded(x, least, most)


@family("bounded", "Clip", schedules=BOTH)
def lower_clip(lowering: Lowering) -> Lowered:
    """Values kept between two bounds."""
    return _lower(lowering, "bounded", _bounded, lowering.layer.params.min, lowering.layer.params.max)


def _above(x, threshold, one, zero, d):
    return one if x > threshold else zero


@family("above", "Threshold", schedules=BOTH)
def lower_threshold(lowering: Lowering) -> Lowered:
    """1 above a value, else 0."""
    return _lower(lowering, "above", _above, lowering.layer.params.threshold, 1, 0)


def _exponential(x, inner, outer, c, d):
    return mathematics.exp(x * inner) * outer


@family("exponential", "Exp", schedules=BOTH)
def lower_exp(lowering: Lowering) -> Lowered:
    """base ** (shift + scale * x)."""
    return _lower(lowering, "exponential", _exponential, *lowering.layer.params.factors())


def _logarithm(x, scale, shift, factor, d):
    return mathematics.log(x * scale + shift) * factor


@family("logarithm", "Log", schedules=BOTH)
def lower_log(lowering: Lowering) -> Lowered:
    """log(shift + scale * x), to a base."""
    params = lowering.layer.params
    return _lower(lowering, "logarithm", _logarithm, params.scale, params.shift, params.factor())


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
