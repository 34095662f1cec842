"""How tiles walk over the positions of a map: each result once, in the fewest tiles."""

import numpy as np
import pytest

from xdn.codegen.target import target_named
from xdn.kernels.contract.matrix.walk import (
    Slide,
    border,
    most_registers,
    room,
    tiles_of_walk,
    walk_over,
    within_maps,
)
from xdn.kernels.core.layout import CHANNEL, BlockLayout
from xdn.kernels.core.parts import PartsLayout
from xdn.layers.window import Window

TARGET = target_named("amx-emulated")


def _layout(height, width, border=(0, 0, 0, 0)):
    return PartsLayout.beside(BlockLayout(3, height, width, target=TARGET, schedule=CHANNEL), 3, border=border)


def _computed(*slides):
    """Return the number of registers of the tiles, and result -> the positions on which its windows begin."""
    walk, steps = walk_over(slides), [slide.row_positions for slide in slides]
    tiles, spans = tiles_of_walk(walk, steps)
    found = {}
    for x, x2, first, end in tiles.tolist():
        for low, high, result in spans[first:end].tolist():
            assert 0 <= low < high <= walk.registers * 16
            for row in range(low, high):
                assert result + row - low not in found
                found[result + row - low] = x + row * steps[0], x2 + row * steps[-1]
    return len(tiles) * walk.registers, found


def _begins(slide):
    """Return the position on which the window of each result begins."""
    p, q = np.divmod(np.arange(np.prod(slide.places)), slide.places[1])
    rows = slide.layout.border[0] - slide.window.pad[0] + p * slide.window.stride[0]
    return rows * slide.layout.columns + slide.layout.border[2] - slide.window.pad[1] + q * slide.window.stride[1]


def _slide(places, stride, more=0):
    """Return a 3x3 window over a map that gives `places`, whose border is larger than needed."""
    height, width = ((count - 1) * each + 1 for count, each in zip(places, stride, strict=True))
    window = Window((3, 3), stride, (1, 1))
    return Slide(window, _layout(height, width, (1 + more, 1, 1 + more, 1)), places)


@pytest.mark.parametrize("places", [(1, 1), (1, 40), (21, 1), (7, 7), (13, 16), (5, 33)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 1), (1, 3)])
@pytest.mark.parametrize("more", [0, 2])
def test_each_result_is_computed_once_from_its_own_window(places, stride, more):
    """Also where another reader of the parts has a larger border; and beside a second source."""
    one, other = _slide(places, stride, more), Slide(Window((1, 1)), _layout(*places), places)
    for slides in ((one,), (one, other), (other, other)):
        _, found = _computed(*slides)
        begins = zip(_begins(slides[0]).tolist(), _begins(slides[-1]).tolist(), strict=True)
        assert [found[i] for i in range(len(found))] == list(begins)
        # No row of a tile lies beyond what the layout has room for.
        for slide in slides:
            rows, more_positions = room(slide)
            layout = slide.layout
            last = layout.rows * layout.columns + rows * layout.columns + more_positions
            assert max(_begins(slide)) + 31 * slide.row_positions < last


@pytest.mark.parametrize(
    ("window", "size", "border", "registers"),
    [
        (Window((1, 1)), (8, 8), (0, 0, 0, 0), 4),
        # 7 rows of 9 positions, of which 7 are results: one run.
        (Window((3, 3), pad=(1, 1)), (7, 7), (1, 1, 1, 1), 4),
        # 14 rows, each of them a register: 16 positions are those of a row and its border.
        (Window((3, 3), pad=(1, 1)), (14, 14), (1, 1, 1, 1), 14),
        (Window((1, 1)), (1, 1), (0, 0, 0, 0), 1),
    ],
)
def test_the_fewest_registers(window, size, border, registers):
    slide = Slide(window, _layout(*size, border), size)
    assert _computed(slide)[0] == registers


def test_two_sources_have_one_run_where_their_rows_are_as_far_apart():
    plain = Slide(Window((1, 1)), _layout(7, 7), (7, 7))
    wide = Slide(Window((3, 3), pad=(1, 1)), _layout(7, 7, (1, 1, 1, 1)), (7, 7))
    assert len(walk_over([plain, plain]).runs) == len(walk_over([wide]).runs) == 1
    assert len(walk_over([plain, wide]).runs) == 7
    assert border(wide) == (1, 1, 1, 1)
    assert border(plain) == (0, 0, 0, 0)


def _itself(height, width, window, places):
    layout = PartsLayout.beside(BlockLayout(3, height, width, target=TARGET, schedule=CHANNEL), 1, itself=True)
    return Slide(window, layout, places)


@pytest.mark.parametrize("size", [(4, 4), (7, 7), (5, 9), (1, 16), (33, 1), (16, 16)])
@pytest.mark.parametrize("window", [Window((1, 1)), Window((1, 1), (2, 2)), Window((3, 1)), Window((2, 3), (1, 2))])
def test_tiles_over_a_blob_itself_stay_within_its_map(size, window):
    """Tiles at the end begin earlier, and skip what others give; each result is there once, from its own window."""
    places = tuple((s - e) // step + 1 for s, e, step in zip(size, window.extent, window.stride, strict=True))
    if min(places) < 1:
        return
    slide = _itself(*size, window, places)
    most = most_registers([slide])
    if not most:
        assert np.prod(size) < 16 * slide.row_positions
        return
    walk, step = walk_over([slide], most), slide.row_positions
    assert walk.registers <= most
    tiles, spans = tiles_of_walk(walk, [step])
    assert within_maps(tiles, spans, walk.registers, [slide])
    found = {}
    for x, x2, first, end in tiles.tolist():
        assert x == x2
        assert 0 <= x <= x + (walk.registers * 16 - 1) * step < np.prod(size)
        for low, high, result in spans[first:end].tolist():
            assert 0 <= low < high <= walk.registers * 16
            for row in range(low, high):
                assert result + row - low not in found
                found[result + row - low] = x + row * step
    assert [found[i] for i in range(len(found))] == _begins(slide).tolist()


def test_a_border_or_a_small_map_needs_a_copy():
    assert most_registers([_itself(7, 7, Window((3, 3), pad=(1, 1)), (7, 7))]) == 0
    assert most_registers([_itself(3, 5, Window((1, 1)), (3, 5))]) == 0
    # The only result is its own neighbour.
    assert most_registers([_itself(1, 1, Window((1, 1)), (1, 1))]) == 2
