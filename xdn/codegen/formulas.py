"""exp, log, tanh, erf and powers as f32 polynomials: the only definition, for scalars and for vectors.

One formula serves epilogues, layers of their own and tails, so results depend neither on the machine's libm nor on
where a value is computed. The coefficients are those of Cephes (Moshier 1992); errors are below 2 ulp for exp.
"""

from collections.abc import Sequence

import numpy as np
from llvmlite import ir

from xdn.codegen.arithmetic import Arithmetic
from xdn.element import real

LOG2_E = 1.44269504088896341
#: log(2) in two parts, of which the first has so few bits that its products with exponents are exact.
LN2_HIGH, LN2_LOW = 0.693359375, -2.12194440e-4
#: The largest f32 whose exponential is finite, and the least whose exponential is a normal number.
EXP_MOST, EXP_LEAST = real(88.72283), real(-87.33654)
SQRT_HALF = 0.707106781186547524
#: From it on tanh is 1 in f32.
TANH_MOST = 10
#: A number as large as 2**22 at most, added to it, is rounded to an integer, which the sum's last bits are.
TO_INTEGER = 1.5 * 2**23
MANTISSA_BITS = 23

_EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
_LOG = (
    *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
    *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)
#: Of erf near zero, and of its complement elsewhere: exp(-x**2) / x times a polynomial of 1 / x**2.
_ERF = (
    *(7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3, -2.685381193529856e-2),
    *(1.128358514861418e-1, -3.761262582423300e-1, 1.128379165726710),
)
_ERFC = (
    *(2.326819970068386e-2, -1.387039388740657e-1, 3.687424674597105e-1, -5.824733027278666e-1, 6.210004621745983e-1),
    *(-4.944515323274145e-1, 3.404879937665872e-1, -2.741127028184656e-1, 5.638259427386472e-1),
)


def _polynomial(m: Arithmetic, x: ir.Value, coefficients: Sequence[float]) -> ir.Value:
    """Return the polynomial of x with the highest power's coefficient first (Horner)."""
    total = m.number(coefficients[0])
    for coefficient in coefficients[1:]:
        total = m.fused(total, x, m.number(coefficient))
    return total


def _parted_exp(m: Arithmetic, x: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Return (e**r - 1, n as i32 in the place of an exponent) of x = n * log(2) + r, |r| at most log(2) / 2."""
    shift = m.number(TO_INTEGER)
    shifted = m.fused(x, m.number(LOG2_E), shift)
    n = m.sub(shifted, shift)
    r = m.fused(n, m.number(-LN2_HIGH), x)
    r = m.fused(n, m.number(-LN2_LOW), r)
    return m.fused(_polynomial(m, r, _EXP), m.mul(r, r), r), m.ir.shl(m.bits(shifted), m.integer(MANTISSA_BITS))


def exp(m: Arithmetic, x: ir.Value) -> ir.Value:
    """e**x; overflow gives infinity, a result below the normal numbers zero."""
    less_one, exponent = _parted_exp(m, x)
    y = m.from_bits(m.ir.add(m.bits(m.add(less_one, m.number(1))), exponent))
    # Beyond these ends the bits mean nothing; x + infinity is NaN for NaN.
    y = m.where(x, "<=", m.number(EXP_MOST), y, m.add(x, m.number(np.inf)))
    return m.where(x, "<", m.number(EXP_LEAST), m.number(0), y)


def log(m: Arithmetic, x: ir.Value) -> ir.Value:
    """The natural logarithm; denormals count as zero, whose logarithm is -infinity."""
    one, infinity = m.number(1), m.number(np.inf)
    bits = m.bits(x)
    e = m.rounded(m.ir.sub(m.ir.ashr(bits, m.integer(23)), m.integer(126)))
    fraction = m.ir.or_(m.ir.and_(bits, m.integer(0x007FFFFF)), m.integer(0x3F000000))
    f = m.from_bits(fraction)  # in [0.5, 1)
    low = m.number(SQRT_HALF)
    e = m.where(f, "<", low, m.sub(e, one), e)
    f = m.sub(m.where(f, "<", low, m.add(f, f), f), one)
    z = m.mul(f, f)
    y = m.mul(m.mul(_polynomial(m, f, _LOG), f), z)
    y = m.fused(e, m.number(LN2_LOW), y)
    y = m.fused(m.number(-0.5), z, y)
    y = m.fused(e, m.number(LN2_HIGH), m.add(f, y))
    y = m.where(x, "<", infinity, y, x)
    y = m.where(x, "<", m.number(np.finfo(real).tiny), m.number(-np.inf), y)
    return m.where(x, "<", m.number(0), m.number(np.nan), y)


def power(m: Arithmetic, x: ir.Value, exponent: ir.Value) -> ir.Value:
    """x**exponent for x >= 0, with an error that grows with the exponent's and the logarithm's magnitude."""
    return m.where(exponent, "==", m.number(0), m.number(1), exp(m, m.mul(exponent, log(m, x))))


def tanh(m: Arithmetic, x: ir.Value) -> ir.Value:
    """The hyperbolic tangent: u / (u + 2) for u = e**(2 |x|) - 1, which does not cancel near zero; the sign is x's."""
    one, most, magnitude = m.number(1), m.number(TANH_MOST), m.magnitude(x)
    magnitude = m.where(magnitude, ">", most, most, magnitude)
    less_one, exponent = _parted_exp(m, m.add(magnitude, magnitude))
    power = m.from_bits(m.ir.add(m.bits(one), exponent))
    u = m.fused(power, less_one, m.sub(power, one))
    return m.with_sign(m.div(u, m.add(u, m.number(2))), x)


def erf(m: Arithmetic, x: ir.Value) -> ir.Value:
    """The error function; from 1 on 1 less its complement, whose polynomial need not be as exact as that is small."""
    one = m.number(1)
    z = m.mul(x, x)
    near = m.mul(_polynomial(m, z, _ERF), x)
    magnitude = m.magnitude(x)
    inverse = m.div(one, m.where(magnitude, ">", one, magnitude, one))
    complement = m.mul(exp(m, m.negative(z)), m.mul(inverse, _polynomial(m, m.mul(inverse, inverse), _ERFC)))
    far = m.sub(one, complement)
    far = m.where(x, "<", m.number(0), m.negative(far), far)
    return m.where(magnitude, ">", one, far, near)


def log_1p(m: Arithmetic, x: ir.Value) -> ir.Value:
    """log(1 + x) for x >= 0, exact where 1 + x is not: the logarithm of the rounded sum, times what rounding left out.

    The way of Hewlett-Packard's HP-15C (Goldberg 1991, "What every computer scientist should know about floating-point
    arithmetic", theorem 4).
    """
    one, zero = m.number(1), m.number(0)
    total = m.add(one, x)
    rounded = m.sub(total, one)
    return m.where(rounded, "==", zero, x, m.mul(log(m, total), m.div(x, rounded)))


def signed_power(m: Arithmetic, x: ir.Value, exponent: ir.Value, sign: ir.Value) -> ir.Value:
    """x**exponent; of a negative x it is `sign` times that of its magnitude, and NaN where `sign` is."""
    positive = power(m, m.magnitude(x), exponent)
    return m.where(x, "<", m.number(0), m.mul(sign, positive), m.where(x, "==", x, positive, x))


class Mathematics(Arithmetic):
    """What layers' formulas are written on (`xdn/layers/function.py`): operations, and the functions above."""

    exp, log, log_1p, tanh, erf, power, signed_power = exp, log, log_1p, tanh, erf, power, signed_power
