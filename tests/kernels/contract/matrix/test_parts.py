"""Parts of f32 numbers: their sum, their sizes, and what becomes of the ends of the range."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.contract.matrix.tiled import LEFT_OUT
from xdn.element import BF16
from xdn.kernels.contract.matrix.parts import PRODUCTS, parts_needed, parts_of
from xdn.kernels.core.choice import TILED

LARGEST = float(np.finfo(np.float32).max)
#: Numbers whose third part is not denormal, and 0.
NUMBERS = st.floats(-LARGEST, LARGEST, width=32).filter(lambda x: x == 0 or abs(x) >= 2.0**-100)


def _parts(values, count=3):
    return BF16.loaded(parts_of(np.asarray(values, np.float32), count)).astype(np.float64)


@given(NUMBERS)
def test_three_parts_are_the_number(x):
    parts = _parts([x])
    assert parts.sum() == x
    assert abs(parts[1]) <= 2.0**-8 * abs(x) or abs(x) > 2.0**127
    assert abs(parts[2]) <= 2.0**-17 * abs(x) or abs(x) > 2.0**127


@given(NUMBERS)
def test_two_parts_are_the_first_of_three(x):
    np.testing.assert_array_equal(_parts([x], 2), _parts([x])[:2])


def test_halves_and_carries():
    """Numbers halfway between two parts, and those that round up to another power of two."""
    for x in (1 + 2.0**-8, 1 + 2.0**-8 + 2.0**-23, 2 - 2.0**-23, 1 + 2.0**-7 - 2.0**-23, -(1 + 2.0**-16 + 2.0**-17)):
        assert _parts([x]).sum() == x


@pytest.mark.parametrize("x", [LARGEST, -LARGEST, 2.0**128 - 2.0**119, 2.0**128 - 2.0**120])
def test_the_largest_numbers_do_not_become_infinite(x):
    parts = _parts([x])
    assert np.isfinite(parts).all()
    assert parts.sum() == x


@pytest.mark.parametrize("x", [np.inf, -np.inf, np.nan])
def test_the_first_part_of_what_is_not_finite_says_all(x):
    np.testing.assert_array_equal(_parts([x])[:, 0], [x, 0, 0])


def test_the_smallest_numbers():
    """Nothing is left below the smallest normal number: to the tile unit denormal ones are zeros."""
    x = np.array([2.0**-149, -(2.0**-126), 2.0**-126 * (1 + 2.0**-23), 1.75 * 2.0**-133])
    np.testing.assert_array_equal(_parts(x).sum(0), [0, -(2.0**-126), 2.0**-126, 0])


@pytest.mark.parametrize("algorithm", TILED)
def test_what_the_products_leave_out(algorithm, rng):
    """The bound that the tests allow, which the derivation gives, nearly met by numbers made for it."""
    x, w = (np.float32(rng.choice([-1, 1], 10**5) * rng.uniform(1, 2, 10**5)) for _ in range(2))
    # Just above a power of two, half a unit of each part left: the largest rests.
    x[0] = w[0] = 1 + 2.0**-8 - 2.0**-17
    parts, others = _parts(x), _parts(w)
    kept = sum(parts[one] * others[other] for one, other in PRODUCTS[algorithm])
    lost = np.abs(kept - x.astype(np.float64) * w) / np.abs(x.astype(np.float64) * w)
    assert 0.2 * LEFT_OUT[algorithm] < lost.max() <= LEFT_OUT[algorithm]
    assert parts_needed(algorithm) == len(PRODUCTS[algorithm]) // 2 + (algorithm == "bf16x3")


@pytest.mark.parametrize("algorithm", TILED)
def test_products_are_all_of_a_size_and_the_smallest_come_first(algorithm):
    sizes = [sum(product) for product in PRODUCTS[algorithm]]
    assert sizes == sorted(sizes, reverse=True)
    every = {(one, other) for one in range(3) for other in range(3) if one + other <= sizes[0]}
    assert set(PRODUCTS[algorithm]) == every
