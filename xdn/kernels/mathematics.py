"""exp, log and what follows from them, as f32 polynomials that compilers can vectorise.

One formula serves vectors and tails, so results depend neither on the machine's libm nor on where in a
vector an image lies. The coefficients are those of Cephes (Moshier 1992); errors are below 2 ulp for exp.
"""

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, register_jitable

_F32, _I32 = ir.FloatType(), ir.IntType(32)

LOG2_E = np.float32(1.44269504088896341)
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
#: The largest f32 whose exponential is finite, and the least whose exponential is a normal number.
EXP_MOST, EXP_LEAST = np.float32(88.72283), np.float32(-87.33654)
SQRT_HALF = np.float32(0.707106781186547524)
ZERO, HALF, ONE, TWO = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2)
INFINITY, NAN, LEAST_NORMAL = np.float32(np.inf), np.float32(np.nan), np.finfo(np.float32).tiny


def _reinterpret(source: types.Type, target: types.Type, kind: ir.Type):
    def cast(typingctx, value):
        return target(source), lambda context, builder, signature, args: builder.bitcast(args[0], kind)

    return intrinsic(cast)


bits_of = _reinterpret(types.float32, types.int32, _I32)
float_of = _reinterpret(types.int32, types.float32, _F32)


def _llvm_function(name: str, count: int):
    def call(typingctx, *operands):
        def codegen(context, builder, signature, args):
            kind = ir.FunctionType(_F32, [_F32] * count)
            function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
            return builder.call(function, args)

        return types.float32(*[types.float32] * count), codegen

    return call


@intrinsic
def fma(typingctx, a, b, c):
    """Return a * b + c, rounded once."""
    return _llvm_function("llvm.fma.f32", 3)(typingctx, a, b, c)


@intrinsic
def floor(typingctx, x):
    """Return the largest integer that is not above x, as f32."""
    return _llvm_function("llvm.floor.f32", 1)(typingctx, x)


@register_jitable
def exp(x):
    """Return e**x for f32; overflow gives infinity, a result below the normal numbers zero."""
    clipped = min(max(x, EXP_LEAST), EXP_MOST)
    n = floor(fma(clipped, LOG2_E, HALF))
    r = fma(n, -LN2_HIGH, clipped)
    r = fma(n, -LN2_LOW, r)
    p = np.float32(1.9875691500e-4)
    p = fma(p, r, np.float32(1.3981999507e-3))
    p = fma(p, r, np.float32(8.3334519073e-3))
    p = fma(p, r, np.float32(4.1665795894e-2))
    p = fma(p, r, np.float32(1.6666665459e-1))
    p = fma(p, r, np.float32(5.0000001201e-1))
    y = fma(p, r * r, r) + ONE
    # Two factors, because 2**128 alone is no f32.
    half = np.int32(n) >> np.int32(1)
    rest = np.int32(n) - half
    y = y * float_of((half + np.int32(127)) << np.int32(23)) * float_of((rest + np.int32(127)) << np.int32(23))
    y = INFINITY if x > EXP_MOST else y
    y = ZERO if x < EXP_LEAST else y
    return x if x != x else y


@register_jitable
def log(x):
    """Return the natural logarithm of an f32; denormals count as zero, whose logarithm is -infinity."""
    bits = bits_of(x)
    e = np.float32((bits >> np.int32(23)) - np.int32(126))
    m = float_of((bits & np.int32(0x007FFFFF)) | np.int32(0x3F000000))  # in [0.5, 1)
    low = m < SQRT_HALF
    e = e - ONE if low else e
    m = (m + m if low else m) - ONE
    z = m * m
    p = np.float32(7.0376836292e-2)
    p = fma(p, m, np.float32(-1.1514610310e-1))
    p = fma(p, m, np.float32(1.1676998740e-1))
    p = fma(p, m, np.float32(-1.2420140846e-1))
    p = fma(p, m, np.float32(1.4249322787e-1))
    p = fma(p, m, np.float32(-1.6668057665e-1))
    p = fma(p, m, np.float32(2.0000714765e-1))
    p = fma(p, m, np.float32(-2.4999993993e-1))
    p = fma(p, m, np.float32(3.3333331174e-1))
    y = p * m * z
    y = fma(e, LN2_LOW, y)
    y = fma(-HALF, z, y)
    y = fma(e, LN2_HIGH, m + y)
    y = y if x < INFINITY else x
    y = y if x >= LEAST_NORMAL or x != x else -INFINITY
    return NAN if x < ZERO else y


@register_jitable
def power(x, exponent):
    """Return x**exponent for x >= 0, with an error that grows with the exponent's and the logarithm's magnitude."""
    return ONE if exponent == ZERO else exp(exponent * log(x))


@register_jitable
def sigmoid(x):
    """Return 1 / (1 + e**-x)."""
    return ONE / (ONE + exp(-x))


@register_jitable
def tanh(x):
    """Return the hyperbolic tangent: a polynomial near zero, where the quotient would cancel."""
    z = x * x
    p = np.float32(-5.70498872745e-3)
    p = fma(p, z, np.float32(2.06390887954e-2))
    p = fma(p, z, np.float32(-5.37397155531e-2))
    p = fma(p, z, np.float32(1.33314422036e-1))
    p = fma(p, z, np.float32(-3.33332819422e-1))
    near = fma(p * z, x, x)
    magnitude = abs(x)
    far = ONE - TWO / (exp(magnitude + magnitude) + ONE)
    far = -far if x < ZERO else far
    return near if magnitude < np.float32(0.625) else far


@register_jitable
def elu(x, alpha):
    """Return x where x > 0, else alpha * (e**x - 1)."""
    return x if x > ZERO else alpha * (exp(x) - ONE)
