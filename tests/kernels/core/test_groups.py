"""Groups of channels lie alike in blobs of 8 bits and of f32."""

import pytest

from xdn.codegen.target import TARGETS
from xdn.element import F32, S8, U8
from xdn.kernels.core.groups import group_channels, group_count, group_elements
from xdn.kernels.core.layout import BATCH, SCHEDULES, BlockLayout


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=lambda schedule: schedule.name)
@pytest.mark.parametrize("channels", [1, 4, 5, 16, 63, 65])
def test_the_first_channel_of_each_group_has_one_place(target, schedule, channels):
    size, each = group_elements(target, schedule), group_channels(target, schedule)
    for element in F32, U8, S8:
        layout = BlockLayout(channels, target=target, schedule=schedule, element=element)
        assert [layout.place(0, g * each) for g in range(group_count(layout))] == [
            g * size for g in range(group_count(layout))
        ]
        # Only the last group of f32 rows may be cut off.
        room = layout.position_elements - (group_count(layout) - 1) * size
        assert room >= (size if schedule is not BATCH or element != F32 else layout.images)
