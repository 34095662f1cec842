"""How parts lie: whole tiles of channels, a border, room; joined for all readers."""

import pytest

from xdn.codegen.target import target_named
from xdn.element import BF16
from xdn.kernels.core.layout import BATCH, CHANNEL, BlockLayout
from xdn.kernels.core.parts import PartsLayout, joined_layouts, parts_name, steps_of

TARGET = target_named("amx-emulated")


def _beside(channels, schedule, parts, **more):
    return PartsLayout.beside(BlockLayout(channels, 4, 5, target=TARGET, schedule=schedule), parts, **more)


@pytest.mark.parametrize(("channels", "steps"), [(1, 1), (32, 1), (33, 2), (64, 2)])
def test_channels_fill_whole_tiles(channels, steps):
    assert steps_of(channels) == steps
    batch = _beside(channels, BATCH, 3)
    assert batch.element == BF16
    assert batch.position_elements == steps * batch.step_elements == steps * 3 * 32 * 32
    assert batch.block_bytes == 2 * 20 * batch.position_elements


@pytest.mark.parametrize("channels", [1, 64, 2048])
@pytest.mark.parametrize("parts", [2, 3])
def test_rows_are_an_odd_number_of_cache_lines_apart(channels, parts):
    layout = _beside(channels, CHANNEL, parts)
    lines, rest = divmod(layout.position_elements * 2, 64)
    assert not rest
    assert lines % 2
    assert 0 <= lines - steps_of(channels) * parts <= 1


def test_border_and_room():
    layout = _beside(32, CHANNEL, 3, border=(1, 2, 3, 4), room=(2, 7))
    assert (layout.rows, layout.columns) == (4 + 3, 5 + 7)
    assert layout.block_elements == (9 * 12 + 7) * layout.position_elements


def test_readers_share_what_serves_all():
    one = {"x": _beside(8, CHANNEL, 2, border=(2, 0, 1, 0), room=(3, 0)), "y": _beside(8, CHANNEL, 3)}
    other = {"x": _beside(8, CHANNEL, 3, border=(1, 1, 1, 2), room=(1, 5))}
    joined = joined_layouts([one, {}, other])
    assert joined == {"x": _beside(8, CHANNEL, 3, border=(2, 1, 1, 2), room=(3, 5)), "y": one["y"]}
    assert parts_name("x") not in joined
