"""The vector builder: each operation compiled by LLVM alone and run, for every vector length."""

import numpy as np
import pytest
from llvmlite import ir

from tests.codegen.emitted import floats, run
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.target import TARGETS
from xdn.layers.relu import ReLU

pytestmark = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)


def _run(target, emit, *arrays, count=0):
    run(lambda irbuilder, *args: emit(VectorBuilder(irbuilder, target), *args), *arrays, count=count)


def test_load_and_store_count_vectors(target):
    x = floats(range(3 * target.lanes), target.lanes)
    y = floats(np.zeros(3 * target.lanes), target.lanes)
    _run(target, lambda b, x, y, n: b.store(b.load(x, 2), y, 1), x, y)
    np.testing.assert_array_equal(y, np.r_[np.zeros(target.lanes), x[2 * target.lanes :], np.zeros(target.lanes)])


@pytest.mark.parametrize("registers", [1, 2, 4])
def test_values_of_several_registers(target, registers):
    """Places count whole values, which need no more alignment than a register."""
    size = target.lanes * registers
    x = floats(range(3 * size + target.lanes), target.lanes)[target.lanes :]
    y = floats(np.zeros(2 * size + target.lanes), target.lanes)[target.lanes :]

    def emit(irbuilder, x, y, n):
        b = VectorBuilder(irbuilder, target, registers)
        b.store(b.add(b.load(x, 2), b.broadcast(b.scalar(x))), y, 1)

    run(emit, x, y)
    np.testing.assert_array_equal(y, np.r_[np.zeros(size), x[2 * size :] + x[0]])


def test_offset_counts_elements(target):
    x, y = floats(range(target.lanes), target.lanes), floats([0], target.lanes)

    def emit(b, x, y, n):
        b.store(b.broadcast(b.scalar(b.offset(x, 1), n)), y)

    _run(target, emit, x, y, count=2)
    np.testing.assert_array_equal(y, np.full(target.lanes, 3))


def test_fma_is_rounded_once_where_the_set_has_it(target):
    # (1 + e)(1 - e) - 1 = -e**2, which a product rounded by itself loses.
    e = np.float32(2.0**-13)
    a, b, c = (floats(np.full(target.lanes, v), target.lanes) for v in (1 + e, 1 - e, -1))
    y = floats(np.ones(target.lanes), target.lanes)
    _run(target, lambda v, a, b, c, y, n: v.store(v.fma(v.load(a), v.load(b), v.load(c)), y), a, b, c, y)
    fused = np.full(target.lanes, -e * e)
    assert np.array_equal(y, fused) or (not target.fma and not y.any())


def test_add(target, rng):
    a, b = (floats(rng.standard_normal(target.lanes), target.lanes) for _ in range(2))
    y = floats(np.zeros(target.lanes), target.lanes)
    _run(target, lambda v, a, b, y, n: v.store(v.add(v.load(a), v.load(b)), y), a, b, y)
    np.testing.assert_array_equal(y, a + b)


@pytest.mark.parametrize("slope", [0.0, 0.1])
def test_relu(target, slope):
    x = floats([np.nan, -1.5, -0.0, 2.5], target.lanes)
    slopes = floats([slope], target.lanes)
    y = floats(np.ones(target.lanes), target.lanes)
    _run(target, lambda v, x, s, y, n: v.store(ReLU.formula(v, v.load(x), v.broadcast(v.scalar(s))), y), x, slopes, y)
    np.testing.assert_array_equal(y, np.where(x > 0, x, x * np.float32(slope)))


@pytest.mark.parametrize("count", [0, 1, 7])
def test_loop_carries_values(target, count):
    """Sum count vectors and, beside it, multiply by 2: both carried, none where the loop is empty."""
    x = floats(np.arange(8 * target.lanes), target.lanes)
    y = floats(np.zeros(2 * target.lanes), target.lanes)

    def emit(b, x, y, n):
        def body(i, carried):
            total, power = carried
            at = b.offset(x, b.ir.mul(i, b.const(target.lanes)))
            return [b.add(total, b.load(at)), b.add(power, power)]

        zero = ir.Constant(b.kind, [0.0] * target.lanes)
        one = ir.Constant(b.kind, [1.0] * target.lanes)
        total, power = b.loop(b.const(0), n, [zero, one], body)
        b.store(total, y, 0)
        b.store(power, y, 1)

    _run(target, emit, x, y, count=count)
    np.testing.assert_array_equal(y[: target.lanes], x.reshape(8, -1)[:count].sum(axis=0))
    np.testing.assert_array_equal(y[target.lanes :], np.full(target.lanes, 2**count))


def test_loops_nest(target):
    y = floats(np.zeros(target.lanes), target.lanes)

    def emit(b, y, n):
        one = ir.Constant(b.kind, [1.0] * target.lanes)

        def outer(i, carried):
            return b.loop(b.const(0), i, carried, lambda j, inner: [b.add(inner[0], one)])

        (total,) = b.loop(b.const(0), n, [ir.Constant(b.kind, [0.0] * target.lanes)], outer)
        b.store(total, y)

    _run(target, emit, y, count=5)
    np.testing.assert_array_equal(y, np.full(target.lanes, 0 + 1 + 2 + 3 + 4))
