"""Products of numbers that lie together: every way that this processor has gives the same sums, extremes included."""

import platform
from fractions import Fraction

import llvmlite.binding as llvm
import numpy as np
import pytest
from llvmlite import ir

from tests.codegen.emitted import floats, run
from xdn.codegen.dots import DOTS
from xdn.codegen.float_control import FLUSH_BITS, read_float_control, set_float_control
from xdn.codegen.target import SDOT, TARGETS, VNNI, cpu_features, pair_ways_of, target_named, ways_of
from xdn.codegen.words import WORD, WordBuilder
from xdn.element import BF16, S8, U8

#: Every way in the vectors of each target that this processor can multiply in.
WAYS = [(target, way) for target in TARGETS for way in ways_of(target, cpu_features())]
PAIR_WAYS = [(target, way) for target in TARGETS for way in pair_ways_of(target, cpu_features())]
COUNT = 64


def _numbers(rng, element):
    """Return (n, 4) numbers of an element; half of the rows hold extremes alone."""
    low, high = np.iinfo(element.numpy).min, np.iinfo(element.numpy).max
    found = rng.integers(low, high + 1, (COUNT, WORD))
    found[::2] = rng.choice([low, high], (len(found[::2]), WORD))
    found[0] = high
    return found.astype(element.numpy)


def _emit_dots(irbuilder, target, way, element, pointers):
    """Emit y[i] += x[i] . w[i] for all lanes of all vectors."""
    b = WordBuilder(irbuilder, target)
    dots, byte = DOTS[way](b), ir.IntType(8).as_pointer()
    x, w, y = (irbuilder.bitcast(pointer, byte) for pointer in pointers)
    for vector in range(COUNT // target.lanes):
        words = [b.load_words(w, vector * dots.words + each) for each in range(dots.words)]
        operand, acc = dots.operand(b.load_words(x, vector), element), b.load_words(y, vector)
        found = dots.multiply(b.from_bits(acc) if element == BF16 else acc, operand, words)
        b.store_words(b.bits(found), y, vector)


@pytest.mark.parametrize("element", [U8, S8], ids=lambda element: element.name)
@pytest.mark.parametrize(("target", "way"), WAYS, ids=lambda each: getattr(each, "name", each))
def test_sums_of_products_are_exact(rng, target, way, element):
    x, w = _numbers(rng, element), _numbers(rng, S8)
    # 255 * -128 four times, and a pair whose sum s16 does not hold.
    w[0], w[2] = -128, 127
    start = rng.integers(-(2**30), 2**30, COUNT).astype(np.int32)
    # In memory all words of a vector follow each other.
    packed = DOTS[way].packed(w).reshape(-1, target.lanes, DOTS[way].words).swapaxes(1, 2)
    memory = [floats(np.ascontiguousarray(each).view(np.float32).ravel(), target.lanes) for each in (x, packed, start)]
    run(lambda irbuilder, *pointers: _emit_dots(irbuilder, target, way, element, pointers[:3]), *memory)
    added = DOTS[way].added(element)
    assert added in (0, 128, -128)
    expected = start + ((x.astype(np.int64) + added) * w).sum(1)
    np.testing.assert_array_equal(memory[2].view(np.int32), expected)


@pytest.mark.parametrize("element", [U8, S8], ids=lambda element: element.name)
@pytest.mark.parametrize(("target", "way"), WAYS, ids=lambda each: getattr(each, "name", each))
def test_four_numbers_in_all_lanes(rng, target, way, element):
    """Used once, too: LLVM 22 did not end where their sign bits were flipped in all lanes."""
    x, w = _numbers(rng, element)[:1], _numbers(rng, S8)[: target.lanes]
    packed = DOTS[way].packed(w).reshape(1, target.lanes, -1).swapaxes(1, 2)
    memory = [floats(np.ascontiguousarray(each).view(np.float32).ravel(), target.lanes) for each in (x, packed)]
    found = floats(np.zeros(target.lanes), target.lanes)

    def emit(irbuilder, *pointers):
        b = WordBuilder(irbuilder, target)
        words, weights, y = (irbuilder.bitcast(each, ir.IntType(8).as_pointer()) for each in pointers[:3])
        dots = DOTS[way](b)
        operand = dots.spread(b.scalar(irbuilder.bitcast(words, ir.IntType(32).as_pointer())), element)
        loaded = [b.load_words(weights, word) for word in range(dots.words)]
        b.store_words(dots.multiply(b.integer(0), operand, loaded), y)

    run(emit, *memory, found)
    expected = ((x.astype(np.int64) + DOTS[way].added(element)) * w).sum(1)
    np.testing.assert_array_equal(found.view(np.int32), expected)


def _pairs(rng):
    """Return pairs of bf16, whose products are about 1."""
    return BF16.stored(np.float32(2) ** rng.integers(-6, 7, (COUNT, 2)) * rng.uniform(-2, 2, (COUNT, 2)))


def _nearest(exact):
    """Return the f32 nearest to a fraction, of two equally near ones the even; denormal numbers are zeros."""
    if exact == 0:
        return np.float32(0)
    negative, exact = exact < 0, abs(exact)
    exponent = exact.numerator.bit_length() - exact.denominator.bit_length()
    exponent -= Fraction(2) ** exponent > exact
    unit = Fraction(2) ** (exponent - 23)
    with np.errstate(over="ignore"):
        found = np.float32(float(round(exact / unit) * unit)) if exponent >= -126 else np.float32(0)
    return -found if negative else found


def _sum_of_pair(x, w, acc):
    """Return what `dots` says of one lane, by fractions; infinities and NaN by f64, which these do not depend on."""
    for a, b in ((x[1], w[1]), (x[0], w[0])):
        a, b, acc = (np.float32(0) if abs(each) < 2.0**-126 else each for each in (a, b, acc))
        with np.errstate(invalid="ignore"):
            rough = np.float64(a) * b + acc
        finite = np.isfinite([a, b, acc]).all()
        acc = _nearest(Fraction(float(a)) * Fraction(float(b)) + Fraction(float(acc))) if finite else np.float32(rough)
    return acc


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="other processors keep denormal sums")
@pytest.mark.parametrize(("target", "way"), PAIR_WAYS, ids=lambda each: getattr(each, "name", each))
def test_sums_of_pairs_are_those_of_two_multiply_adds(rng, target, way):
    x, w, start = _pairs(rng), _pairs(rng), rng.standard_normal(COUNT).astype(np.float32)
    # Denormal, the least normal, the largest, infinite, not a number: as x, as weight, as sum, or two of these.
    special = np.float32([0, -0.0, 1e-40, -1e-40, 2.0**-126, 3.3e38, -3.3e38, np.inf, -np.inf, np.nan])
    bits = np.where(np.abs(special) < 2.0**-126, special.view(np.uint32) >> 16, BF16.stored(special)).astype(np.uint16)
    x[:10, 0] = x[10:20, 1] = w[20:30, 1] = x[30:40, 0] = bits
    start[10:20], start[40:50] = rng.permutation(special), special
    x[50:], w[50:] = BF16.stored(np.float32(2.0**-70)), BF16.stored(np.float32(2.0**-60))
    start[50:57] = 2.0**-126 * np.float32([-1, 1, -2, 2, 1.5, -1.5, 0.5])
    packed = DOTS[way].packed(w).reshape(-1, target.lanes, DOTS[way].words).swapaxes(1, 2)
    memory = [floats(np.ascontiguousarray(each).view(np.float32).ravel(), target.lanes) for each in (x, packed, start)]

    def emit(irbuilder, *pointers):
        # As the driver has it.
        irbuilder.module.triple = "x86_64-unknown-linux-gnu"
        before = read_float_control(irbuilder)
        set_float_control(irbuilder, irbuilder.or_(before, ir.Constant(before.type, FLUSH_BITS)))
        _emit_dots(irbuilder, target, way, BF16, pointers[:3])
        set_float_control(irbuilder, before)

    run(emit, *memory)
    expected = [_sum_of_pair(*each) for each in zip(BF16.loaded(x), BF16.loaded(w), start, strict=True)]
    np.testing.assert_array_equal(memory[2], np.float32(expected))


def test_what_is_multiplied_is_in_the_range_of_the_instruction():
    for element, factors in ((U8, range(256)), (S8, range(-128, 128))):
        assert {x + DOTS[VNNI].added(element) for x in factors} == set(range(256))
        assert {x + DOTS[SDOT].added(element) for x in factors} == set(range(-128, 128))


@pytest.mark.parametrize("element", [U8, S8], ids=lambda element: element.name)
def test_the_instruction_of_neon_is_one_that_llvm_knows(element):
    """No processor of this kind is at hand: LLVM's verifier says whether name and operands are right."""
    module = ir.Module("neon")
    pointer = ir.IntType(32).as_pointer()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer] * 3), "f")
    irbuilder = ir.IRBuilder(function.append_basic_block())
    _emit_dots(irbuilder, target_named("neon"), SDOT, element, function.args)
    irbuilder.ret_void()
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    assert "llvm.aarch64.neon.sdot.v4i32.v16i8" in str(parsed)
