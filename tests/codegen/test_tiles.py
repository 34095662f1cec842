"""The multiplication of tiles: the emulation against a model of the instruction in NumPy, and the unit against it."""

import numpy as np
import pytest

from tests.codegen.emitted import floats
from tests.codegen.emitted import run as run_emitted
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.target import AMX, multiplies_tiles, target_named
from xdn.codegen.tile_trial import in_columns, multiplied
from xdn.codegen.tiles import INSTRUCTIONS, NUMBERS, OF_COLUMNS, OF_ROWS, PARTS, ROWS, WORDS, tiles_of
from xdn.element import BF16

EMULATED = target_named("amx-emulated")
TINIEST = np.float64(2.0**-126)
#: Of each kind of numbers: what a, b and c are made of.
KINDS = ("normal", "wide", "denormal", "huge", "special", "ties")


def _flushed(x):
    """Return f32 numbers with zeros for the denormal ones."""
    return np.where(np.abs(x) < TINIEST, np.copysign(np.float32(0), x), x).astype(np.float32)


def fused(a, b, c):
    """Return a * b + c of f32 numbers, the first two of them bf16: rounded once, denormals zeros before and after.

    In f64 the product is exact. The sum is rounded to odd: it is the nearest number beyond the exact sum's place that
    has an odd last bit, from which rounding to f32 gives what rounding the exact sum would (Boldo and Melquiond, 2008).
    """
    product = _flushed(a).astype(np.float64) * _flushed(b)
    added = _flushed(c).astype(np.float64)
    total = product + added
    own = total - product
    rest = (product - (total - own)) + (added - own)
    inexact = np.isfinite(total) & np.isfinite(rest) & (rest != 0) & (total.view(np.int64) % 2 == 0)
    odd = np.where(inexact, np.nextafter(total, np.copysign(np.inf, rest)), total)
    # Whether a result is denormal is asked after rounding as if exponents had no end.
    scaled = (odd * 2.0**64).astype(np.float32)
    return np.where(np.abs(scaled) < 2.0 ** (64 - 126), np.copysign(np.float32(0), odd), odd.astype(np.float32))


def model(a, b, c):
    """Return c + a b as Intel's manual says: a chain of the even members of pairs, one of the odd, their sum added."""
    chains = [np.zeros((ROWS, WORDS), np.float32) for _ in range(2)]
    for k in range(ROWS):
        chains = [
            fused(a[:, 2 * k + which, None], b[k, which::2][None], chain).astype(np.float32)
            for which, chain in enumerate(chains)
        ]
    ones = np.ones((ROWS, WORDS), np.float32)
    return fused(ones, fused(ones, *chains), c).astype(np.float32)


def _operands(kind, rng):
    shapes = ((ROWS, NUMBERS), (ROWS, NUMBERS), (ROWS, WORDS))
    a, b, c = (rng.normal(size=shape) for shape in shapes)
    if kind == "wide":
        a, b, c = (x * 2.0 ** rng.integers(-30, 31, x.shape) for x in (a, b, c))
    if kind == "denormal":
        # Products and sums about the smallest normal number, and factors that are denormal themselves.
        a, b, c = a * 2.0 ** rng.integers(-66, -60, a.shape), b * 2.0 ** rng.integers(-66, -60, b.shape), c * 2.0**-125
        a[::3], b[1::3] = a[::3] * 2.0**-66, b[1::3] * 2.0**-64
    if kind == "huge":
        a, b, c = a * 2.0**63, b * 2.0 ** rng.integers(60, 66, b.shape), c * 2.0**127
    if kind == "special":
        for x in (a, b, c):
            x.flat[rng.integers(0, x.size, 6)] = [np.inf, -np.inf, np.nan, 0.0, -0.0, np.inf]
    if kind == "ties":
        # Sums halfway between two f32 numbers.
        a, b = np.sign(a), 2.0**-24 * rng.integers(-3, 4, b.shape)
        c = 1 + 2.0**-23 * rng.integers(0, 4, c.shape)
    with np.errstate(over="ignore"):
        a, b, c = (x.astype(np.float32) for x in (a, b, c))
    return BF16.rounded(a), BF16.rounded(b), c


@pytest.mark.parametrize("kind", KINDS)
def test_emulated_multiplication(kind, rng):
    for _ in range(3):
        a, b, c = _operands(kind, rng)
        with np.errstate(all="ignore"):
            expected = model(a, b, c)
        found = multiplied(EMULATED, a, b, c)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(np.where(np.isnan(found), found, expected)))


def test_the_operands_show_what_they_are_for(rng):
    """Flushed sums are zeros that f32 would not have; ties are rounded both ways; huge sums overflow."""
    a, b, c = _operands("denormal", rng)
    exact = a.astype(np.float64) @ b.reshape(ROWS, WORDS, 2).transpose(0, 2, 1).reshape(NUMBERS, WORDS) + c
    found = multiplied(EMULATED, a, b, c)
    assert ((found == 0) & (exact != 0)).any()
    assert (found != 0).any()
    a, b, c = _operands("huge", rng)
    found = multiplied(EMULATED, a, b, c)
    assert np.isinf(found).any()
    assert np.isfinite(found).any()


def test_one_product_at_a_time(rng):
    """Each number of a meets those of b that stand in the same channel, and no other."""
    for m, k in ((0, 0), (5, 7), (15, 31)):
        a, b = np.zeros((ROWS, NUMBERS), np.float32), rng.integers(-9, 10, (ROWS, NUMBERS)).astype(np.float32)
        a[m, k] = 1
        expected = np.zeros((ROWS, WORDS), np.float32)
        expected[m] = b[k // 2, k % 2 :: 2]
        np.testing.assert_array_equal(multiplied(EMULATED, a, b), expected)


OF_INTEGERS = [elements for elements in INSTRUCTIONS if elements != PARTS]


def _integers(elements, depth, rng, kind="random"):
    """Return rows of a and of b, and sums to begin with: any, or the ends of each range throughout."""
    limits = [np.iinfo(element.numpy) for element in elements]
    shape, ends = (ROWS, 4 * depth), {"largest": ("max", "max"), "smallest": ("max", "min"), "both": ("min", "min")}
    if kind == "random":
        a, b = (rng.integers(each.min, each.max + 1, shape, each.dtype) for each in limits)
    else:
        a, b = (np.full(shape, getattr(each, end), each.dtype) for each, end in zip(limits, ends[kind], strict=True))
    c = rng.integers(-(2**31), 2**31, (ROWS, WORDS), np.int32)
    # Next to the ends, beyond which sums of either sign pass.
    c[::2], c[1::4] = 2**31 - 1, -(2**31)
    return a, b, c


@pytest.mark.parametrize("kind", ["random", "largest", "smallest", "both"])
@pytest.mark.parametrize("depth", [1, 5, 16])
@pytest.mark.parametrize("elements", OF_INTEGERS, ids=lambda elements: "x".join(each.name for each in elements))
def test_emulated_multiplication_of_integers(elements, depth, kind, rng):
    """Exact; what 32 bits do not hold is lost."""
    a, b, c = _integers(elements, depth, rng, kind)
    exact = a.astype(np.int64) @ b.astype(np.int64).T + c
    found = multiplied(EMULATED, a, in_columns(b, depth), c, elements)
    np.testing.assert_array_equal(found, exact.astype(np.int32))
    assert (exact != found).any() == (exact != c).any()


def test_short_sums_of_bf16(rng):
    """As long ones that end with zeros, to the bit."""
    a, b = BF16.rounded(rng.standard_normal((2, ROWS, 10)).astype(np.float32))
    short = multiplied(EMULATED, a, in_columns(b, 5))
    filled = [np.pad(each, ((0, 0), (0, NUMBERS - 10))) for each in (a, b)]
    np.testing.assert_array_equal(short, multiplied(EMULATED, filled[0], in_columns(filled[1], WORDS)))


@pytest.mark.parametrize(("register", "rows", "words"), [(OF_ROWS[1], 16, 3), (OF_COLUMNS[1], 3, 16), (3, 16, 16)])
def test_no_more_is_loaded_than_a_register_has(register, rows, words):
    """Of operands of short sums: everything else stays as it is in the memory that is stored to."""
    source = np.arange(1, ROWS * WORDS + 1, dtype=np.float32)
    expected = np.zeros((ROWS, WORDS), np.float32)
    expected[:rows, :words] = source.reshape(ROWS, WORDS)[:rows, :words]

    def emit(irbuilder, source, target, _, count):
        b = VectorBuilder(irbuilder, EMULATED)
        tiles = tiles_of(b, 3)
        tiles.zero(register)
        tiles.load(register, source, b.const(64))
        tiles.store(register, target, b.const(64))

    given, found = floats(source, WORDS), floats(np.zeros(ROWS * WORDS), WORDS)
    run_emitted(emit, given, found, found)
    np.testing.assert_array_equal(found.reshape(ROWS, WORDS), expected)


@pytest.mark.skipif(not multiplies_tiles(), reason="the processor has no tile unit for bf16 (AMX)")
@pytest.mark.parametrize("elements", OF_INTEGERS, ids=lambda elements: "x".join(each.name for each in elements))
def test_the_unit_multiplies_integers_as_the_emulation_does(elements, rng):
    for depth in (1, 5, 16):
        a, b, c = _integers(elements, depth, rng)
        operands = a, in_columns(b, depth), c, elements
        np.testing.assert_array_equal(multiplied(target_named(AMX), *operands), multiplied(EMULATED, *operands))


@pytest.mark.skipif(not multiplies_tiles(), reason="the processor has no tile unit for bf16 (AMX)")
@pytest.mark.parametrize("kind", KINDS)
def test_the_unit_gives_the_bits_of_the_emulation(kind, rng):
    for _ in range(20):
        operands = _operands(kind, rng)
        np.testing.assert_array_equal(multiplied(target_named(AMX), *operands), multiplied(EMULATED, *operands))


def test_rows_are_loaded_and_stored_with_their_strides(rng):
    """A register takes rows that are apart, whatever lies between them, and gives them to others."""
    apart, dense = floats(rng.normal(size=3 * ROWS * WORDS), WORDS), floats(np.zeros(ROWS * WORDS), WORDS)
    wide = floats(np.full(2 * ROWS * WORDS, 7), WORDS)

    def emit(irbuilder, source, packed, target, count):
        b = VectorBuilder(irbuilder, EMULATED)
        tiles = tiles_of(b)
        tiles.zero(3)
        tiles.load(2, source, b.const(3 * 64))
        tiles.store(2, packed, b.const(64))
        tiles.store(3, target, b.const(2 * 64))

    run_emitted(emit, apart, dense, wide)
    np.testing.assert_array_equal(dense.reshape(ROWS, WORDS), apart.reshape(ROWS, 3, WORDS)[:, 0])
    np.testing.assert_array_equal(wide.reshape(ROWS, 2, WORDS)[:, 0], 0)
    np.testing.assert_array_equal(wide.reshape(ROWS, 2, WORDS)[:, 1], 7)
