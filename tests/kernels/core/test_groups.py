"""Groups of channels lie alike in blobs of 8 bits, of bf16 and of f32; what is padding in bf16 is zero."""

import numpy as np
import pytest

from tests.kernels.checks import input_layer, make_params
from xdn.codegen.target import TARGETS
from xdn.element import BF16, F32, S8, U8
from xdn.graph import Bf16, Layer, Net
from xdn.kernels.core.aligned import aligned_bytes
from xdn.kernels.core.groups import group_channels, group_count, group_elements, together
from xdn.kernels.core.layout import BATCH, SCHEDULES, BlockLayout
from xdn.runtime.cpu import executor
from xdn.runtime.session import Session


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


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=lambda schedule: schedule.name)
@pytest.mark.parametrize("channels", [1, 2, 5, 16, 63, 65])
def test_groups_of_two_channels_lie_alike(target, schedule, channels):
    assert (together((F32, BF16)), together((BF16, U8))) == (2, 4)
    size, each = group_elements(target, schedule, 2), group_channels(target, schedule, 2)
    for element in F32, BF16:
        layout = BlockLayout(channels, target=target, schedule=schedule, element=element)
        there = -(-channels // each)
        assert [layout.place(0, g * each) for g in range(there)] == [g * size for g in range(there)]
        if element == BF16:
            # All of a position, with a last group of zeros in the channel schedule.
            assert group_count(layout, 2) * size == layout.position_elements
        else:
            assert group_count(layout, 2) == there


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("image", [(5, 3, 2), (33, 2, 1), (64, 1, 1)])
def test_padding_of_bf16_becomes_zeros(image, schedule, monkeypatch):
    """Of what kernels compute, whatever lay there before: here NaN."""
    arenas = []

    def filled(size, alignment):
        arenas.append(aligned_bytes(size, alignment))
        arenas[-1][:] = 255
        return arenas[-1]

    monkeypatch.setattr(executor, "aligned_bytes", filled)
    read = {"quantized": (Bf16(),), "stored": (Bf16(),)}
    layers = (
        input_layer("x", *image),
        Layer("a", make_params("Power", shift=3.0), ("x",), ("a",)),
        Layer("b", make_params("Quantize", bf16=True), ("a",), ("b",)),
        Layer("c", make_params("Power", shift=3.0), ("b",), ("c",), **read),
        Layer("d", make_params("Pooling", kernel_size=1), ("c",), ("d",)),
        Layer("e", make_params("Power", shift=3.0), ("d",), ("e",), **read),
    )
    session = Session(Net("five", layers, ("e",)), schedule=schedule, threads=1)
    session.run(None, {"x": np.ones((1, *image), np.float32)})
    (plan,), (arena,) = session.plans(), arenas
    for blob in "bcde":
        layout, begin = plan.layouts[blob], plan.offset(blob)
        bits = arena[begin : begin + layout.block_bytes].view(np.uint16)
        c, position = np.divmod(np.arange(layout.channels * layout.positions), layout.positions)
        first = layout.place(position, c)
        padding = np.ones(layout.block_elements, bool)
        padding[(first[:, None] + np.arange(layout.images) * layout.interleave).ravel()] = False
        assert padding.any() or layout.channels % layout.lanes == 0
        assert not bits[padding].any()
