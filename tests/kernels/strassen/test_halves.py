"""Halves of positions, channels and filters; pairs of positions; what kernels are told of them."""

from dataclasses import replace

import numpy as np
import pytest

from tests.kernels.strassen.lowering import pointwise
from tests.kernels.strassen_checks import pairs_of
from xdn.codegen.native import address
from xdn.codegen.target import host_target
from xdn.element import REAL
from xdn.graph import Epilogue
from xdn.kernels.contract.task import contraction_task
from xdn.kernels.strassen.batch import lower_strassen
from xdn.kernels.strassen.halves import Halves, Unit, pair_table
from xdn.kernels.strassen.kernel import Halving


@pytest.mark.parametrize(
    ("channels", "half", "rest"), [(32, 16, 0), (33, 16, 1), (63, 16, 31), (64, 32, 0), (512, 256, 0), (31, 0, 31)]
)
def test_halves_are_multiples_of_the_grain(channels, half, rest):
    halves = Halves(9, channels, channels)
    assert (halves.half, halves.rest) == (halves.half_filters, halves.rest_filters) == (half, rest)
    assert halves.pairs == 5
    assert halves.product_macs == 5 * half * (7 * half + 4 * rest)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (1, 8), (2, 3), (5, 1), (6, 7), (7, 7), (13, 4)])
@pytest.mark.parametrize("stride", [1, 2])
def test_pairs_of_positions(size, stride):
    image = (64, *(stride * (extent - 1) + 1 for extent in size))
    lowering = pointwise(image, stride=stride)
    table = pair_table(contraction_task(lowering).sources[0].positions, size[1])
    assert table.shape == (-(-size[0] * size[1] // 2), 4)
    assert table.dtype == np.int64
    assert table.flags.c_contiguous
    bottom, top = lowering.bottom(), lowering.top()
    for numbers, x, y in zip(pairs_of(*size), table[:, :2].T, table[:, 2:].T, strict=True):
        rows, columns = np.divmod(numbers, size[1])
        places = stride * (rows * bottom.width + columns) * bottom.position_elements
        np.testing.assert_array_equal(x, np.where(numbers < 0, -1, places))
        np.testing.assert_array_equal(y, np.where(numbers < 0, -1, numbers * top.position_elements))


@pytest.mark.parametrize(("cache_pairs", "pairs"), [(0, 1), (1, 1), (10, 10), (15, 14), (28, 28), (1000, 1000)])
def test_units_fill_half_of_the_cache_and_are_even(cache_pairs, pairs):
    """28 pairs in units of 15 at most are two of 14; in units of a thousand they are those of many images."""
    lowering = pointwise((70, 8, 7))
    pitch = (4 * 32 + 2 * 6 + 1) * lowering.target.block_images
    target = replace(host_target(), core_cache_bytes=2 * cache_pairs * pitch * REAL.bytes)
    unit = Unit.of(replace(lowering, target=target))
    assert unit == Unit(pairs, 32, 6, pitch)


@pytest.mark.usefixtures("everywhere")
def test_two_rows_at_a_time():
    """The second and third unit of rows: their rows of the table, and how many pairs they are."""
    (step,) = lower_strassen(pointwise((64, 8, 5), epilogue=Epilogue(True))).steps
    rows, table = step.rows, next(array for array in step.keep if array.dtype == np.int64)
    assert (rows.height, rows.unit, rows.units) == (8, 2, 4)
    (words,) = descriptors = step.words[None].copy()
    rows.narrow(descriptors, np.array([1]), np.array([2]))
    assert words[Halving.pairs.slot] == address(table[5:])
    assert words[Halving.pair_count.slot] == 10
    assert (words != step.words).sum() == 2
    assert (step.blobs[rows.writes], set(rows.reads)) == ("y0", {Halving.x.slot, Halving.residual.slot})


@pytest.mark.usefixtures("everywhere")
def test_an_odd_number_of_rows_is_taken_at_once():
    assert lower_strassen(pointwise((64, 7, 8))).steps[0].rows is None
