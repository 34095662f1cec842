"""8-bit integers that stand for real values, and bf16: rounding, the ends of ranges, and scales that are refused."""

import numpy as np
import pytest

from xdn.element import BF16, F32, S8, U8
from xdn.errors import ShapeError
from xdn.graph import Bf16, Blob, Quantized, WeightsOnly, reading_of
from xdn.graph.quantized import weight_range


def test_values_become_the_nearest_integer_and_of_two_the_even_one():
    values = np.array([0, 0.5, 1.5, 2.5, 254.5, 255.5, 1e9, -0.5, -0.6, -3], np.float32)
    assert Quantized(1.0).stored(values).tolist() == [0, 0, 2, 2, 254, 255, 255, 0, 0, 0]
    values = np.array([-128.4, -129, -127.5, -1.5, 126.5, 127.5, 200], np.float32)
    assert Quantized(1.0, signed=True).stored(values).tolist() == [-128, -128, -128, -2, 126, 127, 127]


def test_what_is_not_finite():
    values = np.array([np.nan, np.inf, -np.inf], np.float32)
    assert Quantized(0.1).stored(values).tolist() == [0, 255, 0]
    assert Quantized(0.1, signed=True).stored(values).tolist() == [0, 127, -128]


def test_the_reciprocal_and_the_product_are_rounded_once_each(rng):
    scale = np.float32(0.0213)
    values = rng.uniform(-1, 7, 10000).astype(np.float32)
    reciprocal = np.float32(1.0 / np.float64(scale))
    # An f32 times an f32 is exact in f64.
    product = (values.astype(np.float64) * np.float64(reciprocal)).astype(np.float32)
    expected = np.clip(np.rint(product), 0, 255)
    assert np.array_equal(Quantized(0.0213).stored(values), expected)


@pytest.mark.parametrize("scale", [2.0**-100, 1e-20, 0.0213, 1 / 3, 1.0, 1e20, 2.0**126])
@pytest.mark.parametrize("signed", [False, True])
def test_integers_stand_for_values_that_become_the_same_integers(scale, signed):
    read = Quantized(scale, signed)
    low, high = read.range
    every = np.arange(low, high + 1).astype(read.element.numpy)
    again = read.stored(read.values(every))
    # The largest scales have values beyond f32.
    finite = np.isfinite(read.values(every))
    assert np.array_equal(again[finite], every[finite])
    assert again.dtype == every.dtype


def test_scales_are_those_of_f32():
    assert Quantized(0.1) == Quantized(float(np.float32(0.1)))
    assert Quantized(0.1).scale == float(np.float32(0.1))
    assert Quantized(0.1) != Quantized(0.1, signed=True)


@pytest.mark.parametrize("scale", [0.0, -0.1, 2.0**-101, 1e-39, 1e-46, 2.0**127, 1e39, np.inf, -np.inf, np.nan])
def test_scales_that_are_refused(scale):
    with pytest.raises(ShapeError, match="must be positive, from"):
        Quantized(scale)


def test_what_a_blob_holds():
    assert reading_of(Blob((2, 3), U8, 0.5)) == Quantized(0.5)
    assert reading_of(Blob((2, 3), S8, 0.5)) == Quantized(0.5, signed=True)
    assert reading_of(Blob((2, 3), BF16)) == Bf16()
    assert reading_of(Blob((2, 3), F32)) is None
    assert Quantized(0.5, signed=True).element == S8


def test_integers_are_read_as_they_are():
    read = Quantized(0.5)
    assert read.read(np.array([3], np.uint8)).tolist() == [3]
    assert read.read(np.array([3], np.float32)).tolist() == [6]


def test_it_is_named():
    assert str(Quantized(0.0213, signed=True)) == "s8, scale 0.0213"


def test_bf16_is_the_nearest_and_of_two_the_even_one():
    values = np.array([1, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -0.1, 3.4e38, np.inf, -np.inf], np.float32)
    rounded = Bf16().values(Bf16().stored(values))
    assert rounded.tolist() == [1, 1, 1 + 2**-6, 1 + 2**-7, -0.10009765625, np.inf, np.inf, -np.inf]
    assert np.isnan(Bf16().values(Bf16().stored(np.array([np.nan], np.float32)))).all()


def test_all_of_bf16_is_read_as_it_is():
    every = np.arange(2**16).astype(np.uint16)
    values = Bf16().values(every)
    finite, denormal = np.isfinite(values), np.abs(values) < 2.0**-126
    # Denormal numbers are zeros to the instructions that multiply bf16.
    assert np.array_equal(Bf16().read(values)[finite], np.where(denormal, every & 0x8000, every)[finite])
    assert Bf16().read(every) is every
    assert (Bf16().element, str(Bf16())) == (BF16, "bf16")


@pytest.mark.parametrize(
    ("signed", "bits", "expected"),
    [(False, 8, (0, 255)), (False, 4, (0, 15)), (False, 1, (0, 1)), (True, 8, (-128, 127)), (True, 2, (-2, 1))],
)
def test_fewer_bits_have_a_narrower_range(signed, bits, expected):
    read = Quantized(1.0, signed, bits)
    assert read.range == expected
    assert read.stored(np.array([-1e9, 1e9], np.float32)).tolist() == list(expected)
    assert read.in_full == Quantized(1.0, signed)


def test_ranges_of_weights():
    expected = {1: (-1, 1), 2: (-2, 1), 3: (-4, 3), 4: (-8, 7), 7: (-64, 63), 8: (-127, 127)}
    assert {bits: weight_range(bits) for bits in expected} == expected


@pytest.mark.parametrize("bits", [{"bits": 0}, {"bits": 9}, {"signed": True, "bits": 1}, {"weight_bits": 0}])
def test_bits_that_are_refused(bits):
    with pytest.raises(ShapeError, match="1 to 8 are possible, signed 2 to 8"):
        Quantized(1.0, **bits)


def test_f32_that_few_bits_multiply_is_f32():
    values = np.array([1.5, np.nan], np.float32)
    read = WeightsOnly(1)
    assert read.element == F32
    assert all(same(values) is values for same in (read.stored, read.values, read.read))
    assert (str(read), str(WeightsOnly(4))) == ("f32, weights of 1 bit", "f32, weights of 4 bits")
    for bits in (0, 9):
        with pytest.raises(ShapeError, match=f"weights of {bits} bits; 1 to 8 are possible"):
            WeightsOnly(bits)


def test_readings_are_named_by_their_bits():
    assert str(Quantized(0.5, True, 4, weight_bits=2)) == "s4, scale 0.5, weights of 2 bits"
    assert str(Quantized(0.5)) == "u8, scale 0.5"
