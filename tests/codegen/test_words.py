"""Words of four integers: each operation compiled by LLVM alone and run, for every vector length."""

import numpy as np
import pytest
from llvmlite import ir

from tests.codegen.emitted import floats, run
from xdn.codegen.target import TARGETS
from xdn.codegen.words import WORD, WordBuilder, quantized

pytestmark = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)


def _run(target, emit, *arrays, count=0):
    """Call an emitted function whose pointers are to bytes."""

    def with_bytes(irbuilder, *args):
        *pointers, n = args
        emit(WordBuilder(irbuilder, target), *(irbuilder.bitcast(p, ir.IntType(8).as_pointer()) for p in pointers), n)

    run(with_bytes, *arrays, count=count)


def _words(target, rng, vectors=1):
    """Return random words."""
    words = floats(np.zeros(target.lanes * vectors), target.lanes).view(np.uint32)
    words[:] = rng.integers(0, 1 << 32, len(words), np.uint32)
    return words


def test_parts_are_those_of_bytes_in_memory(target, rng):
    words = _words(target, rng)
    for signed, dtype in (False, np.uint8), (True, np.int8):
        parts = floats(np.zeros(WORD * target.lanes), target.lanes).view(np.int32)

        def emit(b, x, y, n, signed=signed):
            loaded = b.load_words(x)
            for number in range(WORD):
                b.store_words(b.part(loaded, number, signed), y, number)

        _run(target, emit, words, parts)
        np.testing.assert_array_equal(parts.reshape(WORD, -1).T, words.view(dtype).reshape(-1, WORD))


def test_joined_takes_the_last_bytes(target, rng):
    parts, words = _words(target, rng, WORD), _words(target, rng)
    _run(target, lambda b, x, y, n: b.store_words(b.joined([b.load_words(x, i) for i in range(WORD)]), y), parts, words)
    np.testing.assert_array_equal(words.view(np.uint8).reshape(-1, WORD), parts.reshape(WORD, -1).T & 255)


@pytest.mark.parametrize("bits", [0, 8, 16, 24])
def test_turned(target, rng, bits):
    words, found = _words(target, rng), _words(target, rng)
    _run(
        target, lambda b, x, y, n: b.store_words(b.turned(b.load_words(x), b.same_word(n)), y), words, found, count=bits
    )
    expected = np.roll(words.view(np.uint8).reshape(-1, WORD), bits // 8, axis=1)
    np.testing.assert_array_equal(found.view(np.uint8).reshape(-1, WORD), expected)


def test_transposed(target, rng):
    words, found = _words(target, rng, target.lanes), _words(target, rng, target.lanes)

    def emit(b, x, y, n):
        for number, column in enumerate(b.transposed([b.load_words(x, i) for i in range(target.lanes)])):
            b.store_words(column, y, number)

    _run(target, emit, words, found)
    square = (target.lanes, target.lanes)
    np.testing.assert_array_equal(found.reshape(square), words.reshape(square).T)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("scale", [1.0, 0.0213, 1e-37, 1e37])
def test_quantized_rounds_to_even_and_clips(target, rng, signed, scale):
    """Halves, both ends and what is beyond them, infinities and NaN, and any values."""
    low, high = (-128, 127) if signed else (0, 255)
    halves = np.arange(low - 2, high + 2, dtype=np.float32) + np.float32(0.5)
    special = np.float32([0, -0.0, np.nan, np.inf, -np.inf, 3e38, -3e38, 2**31, 2**23 + 1, low, high])
    with np.errstate(over="ignore"):
        given = np.concatenate([halves, special, rng.normal(0, 99, 100).astype(np.float32)]) * np.float32(scale)
    inverse = np.float32(1) / np.float32(scale)
    x = floats(given, target.lanes)
    found = floats(np.zeros(len(x)), target.lanes).view(np.int32)

    def emit(b, x, inverse, y, n):
        float_at = ir.FloatType().as_pointer()
        factor = b.broadcast(b.scalar(b.ir.bitcast(inverse, float_at)))
        for vector in range(len(found) // b.target.lanes):
            value = b.load(b.ir.bitcast(x, float_at), vector)
            b.store_words(quantized(b, value, factor, signed), y, vector)

    _run(target, emit, x, floats([inverse], target.lanes), found)
    with np.errstate(over="ignore"):
        expected = np.nan_to_num(np.clip(np.rint(x * inverse), low, high))
    np.testing.assert_array_equal(found.view(np.int8 if signed else np.uint8)[::4], expected)
