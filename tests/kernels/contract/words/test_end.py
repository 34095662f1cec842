"""The ends of sums where a word of filters is not whole: what is not there is neither read nor stored."""

from dataclasses import replace

import numpy as np
import pytest

from tests.codegen.emitted import floats
from tests.codegen.emitted import run as run_emitted
from xdn.codegen.jit import U8_POINTER
from xdn.codegen.target import target_named
from xdn.codegen.words import WordBuilder
from xdn.element import REAL, U8
from xdn.kernels.contract.words.end import scaled_images, store_images
from xdn.kernels.contract.words.form import Ends, Form

TARGET = target_named("avx512f")
IMAGES = TARGET.block_images


def _stored(form, sums, residual, last):
    """Return 4 x IMAGES words of memory, of -1, in which the end of a word of filters was stored."""
    y = floats(np.full(4 * IMAGES, -1), IMAGES)

    def emit(irbuilder, sums, residual, y, ones, count):
        b = WordBuilder(irbuilder, TARGET)
        acc = [b.bits(b.load(sums, v)) for v in range(4 * IMAGES // TARGET.lanes)]
        single = b.scalar(ones)
        ends = Ends([ones] * 2, [ones] * 2, residual, y, ones, single, single)
        if form.top == U8:
            ends = replace(ends, y=b.ir.bitcast(y, U8_POINTER.llvm))
        else:
            ends = replace(ends, residual=b.ir.bitcast(residual, U8_POINTER.llvm))
        store_images(b, [scaled_images(b, acc, ones)], ends, form, b.const(last))

    run_emitted(emit, floats(sums.ravel().view(np.float32), 16), residual, y, floats(np.ones(4), 4))
    return y


@pytest.mark.parametrize("last", range(4))
def test_f32_that_is_not_there_is_not_stored(last):
    """A word of a residual's filters is read as a whole."""
    sums, added = np.arange(4 * IMAGES, dtype=np.int32).reshape(4, IMAGES), np.arange(4 * IMAGES, dtype=np.uint8)
    found = _stored(Form(U8, REAL, "plain", residual=U8), sums, floats(added.view(np.float32), 16), last)
    expected = sums + added.reshape(IMAGES, 4).T.astype(np.float32)
    np.testing.assert_array_equal(found.reshape(4, IMAGES)[: last + 1], expected[: last + 1])
    assert (found.reshape(4, IMAGES)[last + 1 :] == -1).all()


@pytest.mark.parametrize("last", range(4))
def test_f32_that_is_not_there_is_not_read(last):
    """The last filter's residual stands for others, whose integers nobody reads."""
    sums = np.zeros((4, IMAGES), np.int32)
    residual = np.repeat(np.float32([1, 2, 3, 4]), IMAGES)
    found = _stored(Form(U8, U8, "plain", residual=REAL), sums, floats(residual, 16), last)
    words = found[:IMAGES].view(np.uint8).reshape(IMAGES, 4)
    assert (words == np.minimum(np.arange(4), last) + 1).all()
