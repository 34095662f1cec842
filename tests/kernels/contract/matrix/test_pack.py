"""Packed weights: each number of each part at its place, zeros elsewhere."""

import numpy as np
import pytest

from xdn.element import BF16, F16
from xdn.kernels.contract.matrix.pack import filter_tiles, pack_columns, pack_rows, packed_bytes, tile_elements
from xdn.kernels.contract.matrix.parts import parts_of

USED = np.array([0, 2, 3])


@pytest.mark.parametrize(
    ("filters", "tiles"),
    [(1, {1: [0]}), (16, {1: [0]}), (17, {2: [0]}), (40, {2: [0], 1: [32]}), (128, {2: [0, 32, 64, 96]})],
)
def test_tiles_of_filters(filters, tiles):
    assert filter_tiles(filters) == tiles


@pytest.mark.parametrize("stored", [BF16, F16])
@pytest.mark.parametrize("parts", [2, 3])
def test_rows_and_columns(parts, stored, rng):
    weight = rng.standard_normal((40, 33, 2, 2)).astype(np.float32)
    split = parts_of(stored.rounded(weight), parts).reshape(parts, 40, 33, 4)
    for registers, firsts in filter_tiles(40).items():
        how = (USED, firsts, registers, parts, stored)
        shape = len(firsts), len(USED), 2, parts, registers
        rows = pack_rows(weight, *how).reshape(*shape, 16, 32)
        columns = pack_columns(weight, *how).reshape(*shape, 16, 16, 2)
        assert rows.size == len(firsts) * tile_elements(len(USED), 33, parts, registers)
        # Row r, channel c of a tile is column r of the pair c // 2.
        np.testing.assert_array_equal(columns, rows.reshape(*shape, 16, 16, 2).swapaxes(-3, -2))
        for t, first in enumerate(firsts):
            for k, c, tap, part in ((0, 0, 0, 0), (5, 31, 1, parts - 1), (7, 32, 2, 1)):
                place = rows[t, tap, c // 32, part, k // 16, k % 16, c % 32]
                assert place == split[part, first + k, c, USED[tap]]
        assert not rows[:, :, 1, :, :, :, 1:].any()
    assert (
        not pack_rows(weight, USED, [32], 1, parts)[16 * 32 * 0 :].reshape(1, 3, 2, parts, 1, 16, 32)[..., 8:, :].any()
    )


def test_about_how_large_they_are(rng):
    weight = rng.standard_normal((48, 64, 3, 3)).astype(np.float32)
    made = [pack_rows(weight, np.arange(9), firsts, r, 3).nbytes for r, firsts in filter_tiles(48).items()]
    assert packed_bytes(48, 64, 9, 3) == sum(made)
