"""The control register: flushing begins where it is set, and ends where it is set back."""

import platform

import numpy as np
import pytest

from tests.codegen.emitted import floats, run
from xdn.codegen.builder import I64, VectorBuilder
from xdn.codegen.float_control import FLUSH_BITS, read_float_control, set_float_control
from xdn.codegen.target import target_named


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the processor is not an x86")
def test_denormals_are_flushed_between_two_settings():
    # Halves of the smallest normal number.
    x, before, during, after = (floats(np.full(4, 2.0**-126), 4) for _ in range(4))

    def emit(irbuilder, x, *results_and_count):
        irbuilder.module.triple = "x86_64-unknown-linux-gnu"
        b = VectorBuilder(irbuilder, target_named("portable"))
        *results, _ = results_and_count
        usual = read_float_control(irbuilder)
        flushing = irbuilder.or_(usual, I64(FLUSH_BITS))
        for control, result in zip((usual, flushing, usual), results, strict=True):
            set_float_control(irbuilder, control)
            b.store(b.mul(b.load(b.opaque(x)), b.number(0.5)), result)

    run(emit, x, before, during, after)
    np.testing.assert_array_equal(before, np.float32(2.0**-127))
    np.testing.assert_array_equal(during, 0)
    np.testing.assert_array_equal(after, before)
