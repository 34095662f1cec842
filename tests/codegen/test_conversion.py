"""Every stored number becomes the f32 that NumPy makes of it, on every target, with denormals flushed or not."""

import numpy as np
import pytest

from tests.codegen.emitted import floats, run
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.jit import Kind
from xdn.codegen.target import TARGETS
from xdn.element import BF16, F16

#: All numbers of 16 bits.
BITS = np.arange(1 << 16, dtype=np.uint16)


@pytest.mark.parametrize("element", [BF16, F16], ids=lambda element: element.name)
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("vectors", [True, False])
def test_every_number_of_16_bits(target, element, vectors):
    found = floats(np.zeros(len(BITS)), target.lanes)
    stored = floats(np.zeros(len(BITS) // 2), target.lanes)
    stored.view(np.uint16)[:] = BITS

    def emit(irbuilder, source, y, count):
        b = VectorBuilder(irbuilder, target)
        pointer = irbuilder.bitcast(source, Kind(element, "pointer").llvm)
        step = target.lanes if vectors else 1

        def one(i, carried):
            at = b.ir.mul(i, b.const(step))
            if vectors:
                b.store(b.load_stored(b.offset(pointer, at), 0, element), b.offset(y, at))
            else:
                b.ir.store(b.stored_scalar(pointer, at, element), b.offset(y, at))
            return carried

        b.loop(b.const(0), b.const(len(BITS) // step), [], one)

    run(emit, stored, found)
    np.testing.assert_array_equal(found, element.loaded(BITS.view(element.numpy)))
    assert (np.signbit(found) == (BITS >= 0x8000))[~np.isnan(found)].all()
