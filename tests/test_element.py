"""Number formats: what is stored, and how f32 is rounded to it."""

import numpy as np
import pytest

from xdn.element import BF16, ELEMENTS, F16, F32, WEIGHT_ELEMENTS


@pytest.mark.parametrize("element", ELEMENTS.values(), ids=lambda element: element.name)
def test_an_element_is_what_numpy_stores(element):
    assert element.numpy.itemsize == element.bytes
    assert ELEMENTS[element.name] is element
    assert element.accumulator in ELEMENTS


def test_channels_that_lie_together_fill_four_bytes():
    assert all(e.interleave * e.bytes == 4 for e in ELEMENTS.values() if e.interleave > 1)


@pytest.mark.parametrize("element", WEIGHT_ELEMENTS.values(), ids=lambda element: element.name)
def test_what_fits_is_stored_exactly(element):
    values = np.float32([0, -0.0, 1, -1.5, 96, 2.0**-14, np.inf, -np.inf, np.nan])
    stored = element.stored(values)
    assert stored.dtype == element.numpy
    np.testing.assert_array_equal(element.loaded(stored), values)
    assert np.signbit(element.loaded(stored)[1])


@pytest.mark.parametrize("element", WEIGHT_ELEMENTS.values(), ids=lambda element: element.name)
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 1)], ids=str)
def test_shapes_remain(element, shape):
    assert np.shape(element.stored(np.ones(shape, np.float32))) == shape


@pytest.mark.parametrize("element", [BF16, F16], ids=lambda element: element.name)
def test_values_are_rounded_to_the_nearest(element, rng):
    values = (rng.standard_normal(10000) * 2.0 ** rng.integers(-10, 10, 10000)).astype(np.float32)
    found = element.loaded(element.stored(values))
    # Of both neighbours in the format none is nearer.
    for step in (1, -1):
        bits = element.stored(values).view(np.uint16)
        other = element.loaded((bits + np.uint16(step % (1 << 16))).view(element.numpy))
        assert (np.abs(found - values) <= np.abs(other - values)).all()


def test_of_two_equally_near_values_of_bf16_the_even_one_is_taken():
    one = np.uint32(0x3F800000)
    halfway = np.array([one + 0x8000, one + 0x18000, one + 0x8001, one + 0x7FFF], np.uint32).view(np.float32)
    assert BF16.stored(halfway).tolist() == [0x3F80, 0x3F82, 0x3F81, 0x3F80]


def test_a_nan_of_bf16_remains_one_whatever_its_bits():
    bits = np.array([0x7F800001, 0xFFFFFFFF, 0x7FC00000], np.uint32)
    assert np.isnan(BF16.loaded(BF16.stored(bits.view(np.float32)))).all()


def test_the_largest_f32_rounds_to_an_infinity():
    assert BF16.loaded(BF16.stored(np.float32([3.4e38, -3.4e38]))).tolist() == [np.inf, -np.inf]


def test_f32_is_stored_as_it_is(rng):
    values = rng.standard_normal(100).astype(np.float32)
    assert F32.stored(values).tobytes() == F32.loaded(values).tobytes() == values.tobytes()


def test_denormal_numbers_are_zeros_of_bf16():
    """Also those that are nearest to the least normal number."""
    bits = np.array([0x00000001, 0x007FFFFF, 0x807FFFFF, 0x00800000], np.uint32)
    assert BF16.stored(bits.view(np.float32)).tolist() == [0, 0, 0x8000, 0x0080]
