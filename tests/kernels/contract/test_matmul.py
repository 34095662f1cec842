"""Products of matrices that lie after the channels, against the NumPy reference."""

from tests.kernels.checks import LANES, check_layer, sums_of


def test_products():
    """Tiles that overlap along both axes, whole ones, and such as are smaller than the largest."""
    check_layer("MatMul", (LANES - 3, 5, 7), (LANES - 3, 7, 9), allowed=sums_of(7))
    check_layer("MatMul", (4, 2, 3), (4, 3, 1), allowed=sums_of(3))


def test_transposed_matrices_of_several_groups():
    check_layer("MatMul", (4, 2, 7, 5), (4, 2, 9, 7), transpose_a=True, transpose_b=True, allowed=sums_of(7))
