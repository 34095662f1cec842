"""The seven products: that they are the product of matrices, exactly on whole numbers; and the weights as packed."""

import numpy as np
import pytest

from tests.kernels.strassen_checks import Matrices, left_factors, multiplied, right_factors
from xdn.element import BF16
from xdn.kernels.strassen.products import A12, A22, FACTORS, LONG, S1, S2, S3, S4, channels_before, depth, pack_products
from xdn.kernels.strassen.products import right_factors as packed_factors

#: What is left of the channels.
RESTS = (0, 1, 5)


@pytest.mark.parametrize("rest", RESTS)
def test_products_are_the_product_of_matrices(rest, rng):
    first, second = rng.integers(-99, 100, (2, 6, 8 + rest))
    weight = rng.integers(-99, 100, (10, 8 + rest))
    made = Matrices(left_factors(first, second, 4), right_factors(weight, 4, 5)).whole()
    for rows, found in zip((first, second), made, strict=True):
        np.testing.assert_array_equal(found, rows @ weight.T)


@pytest.mark.parametrize("size", [(2, 3), (1, 4), (3, 1), (1, 1), (5, 5)])
def test_whole_maps_are_the_convolution(size, rng):
    """With an odd number of positions, which a half has more of; filters that are in neither half."""
    x, weight = rng.integers(-99, 100, (2, 9, *size)), rng.integers(-99, 100, (7, 9))
    np.testing.assert_array_equal(multiplied(x, weight, 4, 3), np.einsum("kc,ncpq->nkpq", weight, x))


@pytest.mark.parametrize("rest", RESTS)
def test_weights_as_packed(rest, rng):
    """Below each other in the order of the factors, rounded once."""
    half, filters = 6, 4
    weight = rng.standard_normal((2 * filters + 3, 2 * half + rest)).astype(np.float32)
    expected = right_factors(weight.astype(np.float64), half, filters)
    packed = packed_factors(weight, half, filters)
    assert packed.dtype == np.float32
    assert packed.shape == (depth(half, rest), filters)
    for factor in FACTORS:
        halves, rests = channels_before(factor)
        own = packed[halves * half + rests * rest :][: half + rest * (factor in LONG)]
        # One rounding, of what is made in f64; A22's is made from others' sums.
        np.testing.assert_allclose(own, expected[factor].astype(np.float32), rtol=2**-23, atol=1e-15)


@pytest.mark.parametrize("rest", RESTS)
def test_weights_are_packed_by_tile(rest, rng):
    weight = rng.standard_normal((35, 32 + rest, 1, 1)).astype(np.float32)
    packed = pack_products(weight, 16, [6, 5, 5])
    expected = packed_factors(weight[:, :, 0, 0], 16, 16)
    for first, size in ((0, 6), (6, 5), (11, 5)):
        tile, packed = np.split(packed, [size * depth(16, rest)])
        np.testing.assert_array_equal(tile.reshape(-1, size), expected[:, first : first + size])
    assert packed.size == 0


def test_weights_are_rounded_before_they_are_summed(rng):
    weight = rng.standard_normal((32, 32, 1, 1)).astype(np.float32)
    np.testing.assert_array_equal(pack_products(weight, 16, [16], BF16), pack_products(BF16.rounded(weight), 16, [16]))


def test_what_goes_on_with_the_rest():
    assert frozenset((A12, A22, S1, S4)) == LONG
    assert (S2 in LONG, S3 in LONG) == (False, False)
    assert depth(16, 0) == 7 * 16
    assert depth(16, 3) == 7 * 16 + 4 * 3
