"""Attention against the NumPy reference, and whatever the number of threads."""

import numpy as np
import pytest

from tests.kernels.checks import LANES, UNIT, check_layer

#: Steps, keys, heads, elements of a query and of a value: one vector and several, tiles that overlap and single ones.
SIZES = [(5, 4, 2, 3, 3), (2 * LANES + 1, 7, 1, 4, 2), (4 * LANES, 33, 2, 3, 13), (1, 1, 3, 2, 1)]


def _allowed(net, feed, expected):
    """Sums of some products, exponentials that err by what these do, and a mean of values of magnitude 4."""
    return np.full_like(expected, 400 * UNIT)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("masked", [False, True])
def test_attention(sizes, masked):
    steps, keys, heads, depth, values = sizes
    images = [(steps, heads, depth), (keys, heads, depth), (keys, heads, values), *[(1, 1, keys)] * masked]
    check_layer("DotProductAttention", *images, scale=0.5, allowed=_allowed)
