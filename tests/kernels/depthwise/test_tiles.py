"""Tiles of depthwise windows: which fit, which the rule takes, what they cover."""

from math import prod

import pytest

from tests.kernels.checks import LANES
from xdn.codegen.target import TARGETS, host_target, target_named
from xdn.kernels.core.layout import CHANNEL, BlockLayout
from xdn.kernels.depthwise import tiles
from xdn.layers.window import Window


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("window", [Window((3, 3), pad=(1, 1)), Window((5, 5), (2, 2), (2, 2))], ids=str)
def test_tiles_fit_into_the_registers_and_the_map(target, window):
    top = BlockLayout(LANES, 7, 6, target=host_target(), schedule=CHANNEL)
    found = tiles.tiles_for(window, top, target)
    assert tiles.best_tile(window, top, target) in found
    for rows, columns in found:
        assert rows <= 7
        assert columns <= 6
        _, width = tiles.Sliding(window.kernel, window.stride[0], (rows, columns)).patch
        assert rows * columns + width < target.registers


@pytest.mark.parametrize("side", [14, 28, 56])
def test_tiles_that_share_little_are_small(side):
    """Windows that move by two share little: a large tile would wait for its patch longer than it saves."""
    target, top = target_named("avx512f"), BlockLayout(LANES, side, side, target=host_target(), schedule=CHANNEL)
    one, two = (
        tiles.Sliding.of(window, tiles.best_tile(window, top, target))
        for window in (Window((3, 3), pad=(1, 1)), Window((3, 3), (2, 2), (1, 1)))
    )
    assert prod(two.tile) < prod(one.tile)
    # Not as small as a tile that shares nothing.
    assert prod(two.patch) < 9 * prod(two.tile)


@pytest.mark.parametrize("side", [28, 56])
def test_weights_that_no_registers_keep_widen_tiles(side):
    """They are loaded for each row of a tile: with few positions in a row they would be most of what is loaded."""
    target, top = target_named("avx512f"), BlockLayout(LANES, side, side, target=host_target(), schedule=CHANNEL)
    kept, loaded = (tiles.best_tile(Window((k, k), (2, 2), (k // 2, k // 2)), top, target) for k in (3, 5))
    assert loaded[1] > kept[1]


def test_patches_cover_the_map_and_stay_inside():
    window = Window((3, 3), (2, 2), (1, 1))
    bottom, top = (BlockLayout(LANES, *size, target=host_target(), schedule=CHANNEL) for size in ((9, 8), (5, 4)))
    slide = tiles.Sliding((3, 3), 2, (2, 3))
    table = tiles.patch_table(slide, window, bottom, top)
    places, outputs = table[:, : 5 * 7], table[:, 5 * 7 :]
    assert len(table) == 3 * 2
    assert set(outputs.ravel()) == set(range(0, 20 * LANES, LANES))
    assert places.max() < 9 * 8 * LANES
    # The first patch begins one row and one column over the border, the middle of its first window is the first value.
    assert (places[0].reshape(5, 7)[0] == -1).all()
    assert places[0].reshape(5, 7)[1, 1] == 0
