"""Moves of 8 bits and of bf16, several channels together: all ways in which they come apart, on all targets."""

import numpy as np
import pytest

from tests.kernels.bf16 import special_feed
from tests.kernels.integers import bytes_net, check_bits, random_feed
from xdn.codegen.target import target_named
from xdn.element import BF16, S8, U8
from xdn.kernels.core.family import select
from xdn.kernels.core.layout import SCHEDULES, BlockLayout
from xdn.kernels.move.copy import Copy
from xdn.kernels.move.words import NOTHING, parted, word_rows
from xdn.runtime.configuration import DEFAULT
from xdn.runtime.cpu.plan import lowerings, make_plan, probe

TARGET = target_named("avx2")

MOVES = [
    ("Concat", [(10, 5, 3), (3, 5, 3), (1, 5, 3)], 1, {}),
    ("Concat", [(8, 3, 2), (4, 3, 2), (5, 3, 2)], 1, {}),
    ("Concat", [(6, 2, 3), (6, 1, 3)], 1, {"axis": 2}),
    ("Slice", [(11, 2, 3)], 3, {"slice_point": (4, 9)}),
    ("Slice", [(4, 6, 3)], 3, {"axis": 2}),
    ("Permute", [(10, 5, 3)], 1, {"order": (0, 2, 3, 1)}),
    ("Flatten", [(5, 3, 2)], 1, {}),
    ("Flatten", [(7, 1, 1)], 1, {}),
    ("Reshape", [(10, 5, 3)], 1, {"shape": (0, 5, 10, 3)}),
    ("Reshape", [(12,)], 1, {"shape": (0, 3, 2, 2)}),
    ("Crop", [(10, 7, 8), (3, 4, 5)], 1, {"offset": (1, 2)}),
    ("Crop", [(10, 3, 2), (4, 3, 2)], 1, {"axis": 1, "offset": (3, 0, 0)}),
    ("Pad", [(6, 2, 3)], 1, {"pad": 1}),
    ("Upsample", [(5, 2, 3)], 1, {"scale": 2}),
    ("DeephiResize", [(5, 4, 3)], 1, {"new_height": 3, "new_width": 7}),
    ("Reorg", [(12, 4, 6)], 1, {"stride": 2}),
    ("Reorg", [(12, 4, 2)], 1, {"stride": 2, "reverse": True}),
    ("ShuffleChannel", [(12, 2, 2)], 1, {"group": 3}),
    ("ShuffleChannel", [(10, 2, 2)], 1, {"group": 5}),
    ("Tile", [(3, 2, 2)], 1, {"tiles": 3}),
    ("Split", [(5, 2, 2)], 2, {}),
]


@pytest.mark.parametrize("element", [U8, S8, BF16], ids=lambda element: element.name)
@pytest.mark.parametrize(("type_name", "images", "tops", "params"), MOVES)
def test_moves(type_name, images, tops, params, element, rng, monkeypatch):
    net = bytes_net(type_name, *images, element=element, tops=tops, **params)
    feed = special_feed(net, rng) if element == BF16 else random_feed(net, rng)
    check_bits(net, feed, monkeypatch)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=lambda schedule: schedule.name)
@pytest.mark.parametrize(("type_name", "images", "tops", "params"), MOVES)
def test_what_is_padding_in_bf16_becomes_zeros(type_name, images, tops, params, schedule):
    """Whatever lay there before: all that multiplies it by zeros would get NaN of an infinity."""
    net = bytes_net(type_name, *images, element=BF16, tops=tops, **params)
    (lowering,) = lowerings(
        probe(net, {f"x{i}": image for i, image in enumerate(images)}), net.outputs, TARGET, schedule, DEFAULT
    )
    lowered = select(lowering).lower(lowering)
    for number, top in enumerate(net.outputs):
        if top in lowered.aliases:
            continue
        layout, written = lowering.top(number), set()
        for step in lowered.steps:
            if step.descriptor.blobs[Copy.y.slot] == top:
                written |= _written(step, layout)
        assert written == set(range(layout.block_elements))


def _written(step, layout):
    """Return the elements of a block that a step of a move writes."""
    (rows,) = step.keep
    if rows.shape[1] == 3:
        return {at for _, begin, length in rows for at in range(begin, begin + length)}
    parts = [(y + part, mask >> 16 * part & 0xFFFF) for _, y, _, mask in rows.tolist() for part in range(2)]
    return {at + 2 * image for at, mask in parts for image in range(layout.images) if mask}


def _kernels(net, target):
    shapes = {name: blob.shape[1:] for name, blob in net.inputs.items()}
    plan = make_plan(net, shapes, net.outputs, target=target_named(target))
    return [step.source.name.op for step in plan.steps if "planes" not in step.source.name.op]


def test_words_that_stay_together_are_copied_whole():
    """Also the last one of an odd number of channels, after which is padding."""
    assert _kernels(bytes_net("Concat", (8, 3, 2), (5, 3, 2), element=U8), "avx2") == ["copy", "copy"]
    assert _kernels(bytes_net("Concat", (5, 3, 2), (8, 3, 2), element=U8), "avx2") == ["copy", "patch", "patch"]
    assert _kernels(bytes_net("ShuffleChannel", (8, 3, 2), group=4, element=U8), "avx2") == ["patch"]


def test_what_lies_at_its_place_is_not_moved():
    for params in ("Split", {}), ("Flatten", {}), ("Permute", {"order": (0, 1, 2, 3)}), ("Reshape", {"shape": (0, -1)}):
        assert _kernels(bytes_net(params[0], (6, 1, 1), element=U8, **params[1]), "avx2") == []


def test_rows_of_words():
    # Channels 1 to 3 of the first word become 0 to 2 of the second; then zero, and the last channel where it was.
    x, y = np.array([1, 2, 3, NOTHING, 64, 65]), np.array([64, 65, 66, 67, 128, 129])
    rows = word_rows(x, y, np.arange(6) == 5, U8)
    assert rows.tolist() == [[0, 64, 24, 0xFFFFFF], [NOTHING, 64, 0, 0xFF000000], [64, 128, 0, 0xFFFFFFFF]]
    runs, left = parted(rows, BlockLayout(9, target=target_named("avx2"), element=U8))
    assert runs.tolist() == [[64, 128, 64]]
    assert left.tolist() == rows[:2].tolist()


def test_rows_of_words_of_bf16():
    # Channels 1 and 2 become 0 and 1 of the second word; what follows the last channel keeps what is there.
    x, y = np.array([1, 32, 33]), np.array([32, 33, 64])
    rows = word_rows(x, y, np.arange(3) == 2, BF16)
    assert rows.tolist() == [[0, 32, 16, 0xFFFF], [32, 32, 16, 0xFFFF0000], [32, 64, 16, 0xFFFF]]
