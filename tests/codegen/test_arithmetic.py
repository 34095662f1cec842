"""Every operation against NumPy, on scalars and on vectors of every length."""

import numpy as np
import pytest

from tests.codegen.emitted import floats, run
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.formulas import Mathematics
from xdn.codegen.target import TARGETS

LANES = (0, 4, 8, 16)
A = np.float32([1.5, -2.25, 0.0, -0.0, np.nan, np.inf, 3e38, 7.0])
B = np.float32([2.0, 0.1, -0.0, 5.0, 1.0, -np.inf, 10.0, 3.0])


def compute(lanes, operation, *operands):
    """Return ``operation(arithmetic, *operands)`` for arrays of f32, emitted for `lanes` at a time."""
    arrays = [floats(operand, 16) for operand in operands]
    result = floats(np.zeros(len(arrays[0])), 16)

    def emit(irbuilder, *args):
        m, builder = Mathematics(irbuilder, lanes), VectorBuilder(irbuilder, TARGETS[0])
        *sources, target = [irbuilder.bitcast(arg, m.kind.as_pointer()) for arg in args[:-1]]

        def body(i, carried):
            loaded = [irbuilder.load(irbuilder.gep(source, [i])) for source in sources]
            irbuilder.store(operation(m, *loaded), irbuilder.gep(target, [i]))
            return carried

        builder.loop(builder.const(0), args[-1], [], body)

    run(emit, *arrays, result, count=len(result) // (lanes or 1))
    return result[: len(operands[0])]


OPERATIONS = {
    "add": (lambda m, a, b: m.add(a, b), lambda a, b: a + b),
    "sub": (lambda m, a, b: m.sub(a, b), lambda a, b: a - b),
    "mul": (lambda m, a, b: m.mul(a, b), lambda a, b: a * b),
    "div": (lambda m, a, b: m.div(a, b), lambda a, b: a / b),
    "square_root": (lambda m, a, b: m.square_root(m.magnitude(a)), lambda a, b: np.sqrt(np.abs(a))),
    "floor": (lambda m, a, b: m.floor(a), lambda a, b: np.floor(a)),
    "magnitude": (lambda m, a, b: m.magnitude(a), lambda a, b: np.abs(a)),
    "negative": (lambda m, a, b: m.negative(a), lambda a, b: -a),
    "with_sign": (lambda m, a, b: m.with_sign(a, b), lambda a, b: np.copysign(a, b)),
    "number": (lambda m, a, b: m.add(b, m.number(0.1)), lambda a, b: b + np.float32(0.1)),
    "where": (lambda m, a, b: m.where(a, ">", b, a, b), lambda a, b: np.where(a > b, a, b)),
    "larger": (lambda m, a, b: m.larger(a, b), lambda a, b: np.where(a > b, a, b)),
    "larger with NaN second": (lambda m, a, b: m.larger(b, a), lambda a, b: np.where(b > a, b, a)),
    "where equal": (lambda m, a, b: m.where(a, "==", a, b, a), lambda a, b: np.where(a == a, b, a)),
}


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(name, lanes):
    emit, expected = OPERATIONS[name]
    with np.errstate(all="ignore"):
        wanted = expected(A, B)
    result = compute(lanes, emit, A, B)
    np.testing.assert_array_equal(result, wanted)
    np.testing.assert_array_equal(np.signbit(result), np.signbit(wanted))


@pytest.mark.parametrize("lanes", LANES)
def test_fused_is_rounded_once(lanes):
    # (1 + e)(1 - e) - 1 = -e**2, which a product rounded by itself loses.
    e = np.float32(2.0**-13)
    a, b, c = (np.full(4, v, np.float32) for v in (1 + e, 1 - e, -1))
    np.testing.assert_array_equal(compute(lanes, Mathematics.fused, a, b, c), np.full(4, -e * e))


@pytest.mark.parametrize("lanes", LANES)
def test_integers_and_bits(lanes):
    x = np.float32([-3.7, 3.7, 0, -126, 127, 1e6])
    np.testing.assert_array_equal(
        compute(lanes, lambda m, x: m.rounded(m.bits(x)), x), x.view(np.int32).astype(np.float32)
    )
    np.testing.assert_array_equal(compute(lanes, lambda m, x: m.from_bits(m.bits(x)), x), x)
    doubled = compute(lanes, lambda m, x: m.from_bits(m.ir.add(m.bits(x), m.integer(1 << 23))), x)
    np.testing.assert_array_equal(doubled[x != 0], 2 * x[x != 0])
