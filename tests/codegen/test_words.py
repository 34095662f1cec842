"""Words of integers and of bf16: each operation compiled by LLVM alone and run, for every vector length."""

from dataclasses import replace

import numpy as np
import pytest
from llvmlite import ir

from tests.codegen.emitted import floats, run
from xdn.codegen.target import TARGETS, cpu_features, pair_ways_of
from xdn.codegen.words import WORD, WordBuilder, quantized
from xdn.element import BF16, F32, S8, U8
from xdn.graph import Quantized

#: Also where processors have instructions that round to bf16.
_ALL = [replace(target, pairs=way) for target in TARGETS for way in pair_ways_of(target, cpu_features())]
pytestmark = pytest.mark.parametrize("target", _ALL, ids=lambda target: f"{target.name}-{target.pairs}")


def _run(target, emit, *arrays, count=0, bits=8, registers=1):
    """Call an emitted function whose pointers are to numbers of so many bits, bytes at first."""

    def with_numbers(irbuilder, *args):
        *pointers, n = args
        kind = ir.IntType(bits).as_pointer()
        emit(WordBuilder(irbuilder, target, registers), *(irbuilder.bitcast(p, kind) for p in pointers), n)

    run(with_numbers, *arrays, count=count)


def _words(target, rng, vectors=1):
    """Return random words."""
    words = floats(np.zeros(target.lanes * vectors), target.lanes).view(np.uint32)
    words[:] = rng.integers(0, 1 << 32, len(words), np.uint32)
    return words


def test_parts_are_those_of_bytes_in_memory(target, rng):
    words = _words(target, rng)
    for element in (U8, S8):
        parts = floats(np.zeros(WORD * target.lanes), target.lanes).view(np.int32)

        def emit(b, x, y, n, element=element):
            loaded = b.load_words(x)
            for number in range(WORD):
                b.store_words(b.part(loaded, number, element), y, number)

        _run(target, emit, words, parts)
        np.testing.assert_array_equal(parts.reshape(WORD, -1).T, words.view(element.numpy).reshape(-1, WORD))


@pytest.mark.parametrize("element", [U8, S8, BF16], ids=lambda element: element.name)
def test_parts_are_values(target, element, rng):
    """Of integers times a factor."""
    words, together = _words(target, rng), element.interleave
    found = floats(np.zeros(together * target.lanes), target.lanes)

    def emit(b, x, y, n):
        factor = None if element == BF16 else b.number(0.3)
        for number, value in enumerate(b.parts(b.load_words(x), element, factor)):
            b.store_words(b.bits(value), y, number)

    _run(target, emit, words, found)
    expected = element.loaded(words.view(element.numpy)) * np.float32(1 if element == BF16 else 0.3)
    np.testing.assert_array_equal(found.reshape(together, -1).T, expected.reshape(-1, together))


def test_joined_bytes_takes_the_last_bytes(target, rng):
    parts, words = _words(target, rng, WORD), _words(target, rng)
    _run(
        target,
        lambda b, x, y, n: b.store_words(b.joined_bytes([b.load_words(x, i) for i in range(WORD)]), y),
        parts,
        words,
    )
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


def _to_round(target):
    """Return f32 of all kinds: halfway between two numbers of bf16, denormal, infinite, NaN, and next to these."""
    upper = np.uint32([0, 0x3F80, 0x3F81, 0x007F, 0x0080, 0x7F7F, 0x7F80, 0x7FC0, 0x0001])
    lower = np.uint32([0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF])
    bits = ((upper[:, None] << 16) | lower).ravel()
    return floats(np.concatenate([bits, bits | 0x80000000]).astype(np.uint32).view(np.float32), 4 * target.lanes)


@pytest.mark.parametrize("registers", [1, 2])
def test_words_of_bf16_are_those_that_are_stored(target, registers):
    """Of two vectors in turn; where one is left out there are zeros."""
    x, size = _to_round(target), target.lanes * registers
    words = floats(np.ones(len(x) + size), target.lanes).view(np.uint32)

    def emit(b, x, y, n):
        x = b.ir.bitcast(x, ir.FloatType().as_pointer())
        for pair in range(len(_to_round(target)) // (2 * size)):
            b.store_words(b.joined([b.load(x, 2 * pair), b.load(x, 2 * pair + 1)], BF16), y, pair)
        b.store_words(b.joined([b.load(x)], BF16), y, len(_to_round(target)) // (2 * size))

    _run(target, emit, x, words, bits=16, registers=registers)
    pairs, last = np.split(words[: len(x) // 2 + size].view(np.uint16).reshape(-1, 2), [len(x) // 2])
    expected = BF16.stored(x).reshape(-1, 2, size).swapaxes(1, 2).reshape(-1, 2)
    np.testing.assert_array_equal(pairs, expected)
    np.testing.assert_array_equal(last[:, 0], BF16.stored(x)[:size])
    assert not last[:, 1].any()


@pytest.mark.parametrize("element", [F32, U8, S8, BF16], ids=lambda element: element.name)
@pytest.mark.parametrize("registers", [1, 2])
def test_values_are_stored_and_loaded(target, element, registers):
    x = _to_round(target)
    stored, found = (floats(np.zeros(len(x)), target.lanes) for _ in range(2))
    scale = None if element in (F32, BF16) else 2.0**-4

    def emit(b, x, y, z, n):
        x, z = (b.ir.bitcast(each, ir.FloatType().as_pointer()) for each in (x, z))
        y = y if element != F32 else b.ir.bitcast(y, ir.FloatType().as_pointer())
        inverse, factor = (None, None) if scale is None else (b.number(1 / scale), b.number(scale))
        for vector in range(len(_to_round(target)) // (target.lanes * registers)):
            b.store_values(b.load(x, vector), y, vector, element, inverse)
            b.store(b.load_values(y, vector, element, factor), z, vector)

    _run(target, emit, x, stored, found, bits=8 * element.bytes, registers=registers)
    if scale is None:
        expected = element.stored(x)
        np.testing.assert_array_equal(stored.view(element.numpy)[: len(x)], expected)
        np.testing.assert_array_equal(found, element.loaded(expected))
    else:
        how = Quantized(scale, element == S8)
        np.testing.assert_array_equal(stored.view(element.numpy)[: len(x)], how.stored(x))
        np.testing.assert_array_equal(found, how.values(how.stored(x)))
