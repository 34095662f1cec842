"""Products of matrices that lie after the channels, against the NumPy reference."""

import pytest

from tests.kernels.checks import LANES, UNIT, check_layer, magnitude


def _sums(products):
    """Sums of so many products in two orders, as `tests.kernels.checks.sums` argues it."""
    return lambda net, feed, expected: 2 * UNIT * (products**0.5 + 2) * magnitude(net, feed, expected)


def test_products():
    """Tiles that overlap along both axes, whole ones, and such as are smaller than the largest."""
    check_layer("MatMul", (LANES - 3, 5, 7), (LANES - 3, 7, 9), allowed=_sums(7))
    check_layer("MatMul", (4, 2, 3), (4, 3, 1), allowed=_sums(3))


def test_transposed_matrices_of_several_groups():
    check_layer("MatMul", (4, 2, 7, 5), (4, 2, 9, 7), transpose_a=True, transpose_b=True, allowed=_sums(7))


@pytest.mark.parametrize("rows", [1, LANES - 3, 2 * LANES])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_rows_that_are_channels(rows, transpose_b):
    """One vector and several; tiles that overlap, and smaller ones."""
    for inputs, columns in ((7, 33), (5, 2)):
        other = (columns, inputs) if transpose_b else (inputs, columns)
        check_layer("MatMul", (rows, inputs), other, transpose_b=transpose_b, allowed=_sums(inputs))
