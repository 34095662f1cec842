"""Tiles of positions: each position is in one, with positions of its own class, and none is too large."""

import numpy as np
import pytest

from xdn.codegen.target import host_target
from xdn.kernels.contract.tiles import class_tiles, position_classes
from xdn.kernels.core.layout import CHANNEL, BlockLayout
from xdn.kernels.core.taps import tap_lists
from xdn.layers.window import Window


def _positions(size, window):
    layout = BlockLayout(3, *size, target=host_target(), schedule=CHANNEL)
    top = BlockLayout(5, *window.output_size(size), target=host_target(), schedule=CHANNEL)
    return tap_lists(size, window.output_size(size), window).in_runs(layout, top, 3)[0]


@pytest.mark.parametrize("rows", [1, 2, 6, 12])
@pytest.mark.parametrize(
    ("size", "window"),
    [((7, 5), Window((3, 3), pad=(1, 1))), ((1, 1), Window((3, 3), pad=(1, 1))), ((9, 8), Window((1, 1), (2, 2)))],
)
def test_every_position_is_computed_from_its_own_list(size, window, rows):
    positions = _positions(size, window)
    second = positions[:, ::-1].copy()
    second[:, 1:3] = positions[:, 1:3]
    table = class_tiles([positions, second], position_classes([positions, second]), rows)
    assert table.shape[1] == 2 + 2 * rows + 2 + rows
    found = {}
    for row in table:
        for r in range(rows):
            other = 2 + 2 * rows
            own = (row[2 + r], row[0], row[1], row[other + 2 + r], row[other], row[other + 1])
            found.setdefault(int(row[2 + rows + r]), set()).add(tuple(map(int, own)))
    expected = {
        int(p[3]): {(int(p[0]), int(p[1]), int(p[2]), int(s[0]), int(p[1]), int(p[2]))}
        for p, s in zip(positions, second, strict=True)
    }
    assert found == expected


def test_a_class_fills_as_few_tiles_as_it_can():
    positions = _positions((7, 7), Window((3, 3), pad=(1, 1)))
    classes = position_classes([positions])
    assert sorted(map(len, classes)) == [1, 1, 1, 1, 5, 5, 5, 5, 25]
    assert len(class_tiles([positions], classes, 6)) == 4 + 4 + 5
    assert np.array_equal(np.sort(np.concatenate(classes)), np.arange(49))
