"""Products of matrices whose rows are channels, against the NumPy reference."""

import pytest

from tests.kernels.checks import LANES, check_layer, sums_of


@pytest.mark.parametrize("rows", [1, LANES - 3, 2 * LANES])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_rows_that_are_channels(rows, transpose_b):
    """One vector and several; tiles that overlap, and smaller ones."""
    for inputs, columns in ((7, 33), (5, 2)):
        other = (columns, inputs) if transpose_b else (inputs, columns)
        check_layer("MatMul", (rows, inputs), other, transpose_b=transpose_b, allowed=sums_of(inputs))
