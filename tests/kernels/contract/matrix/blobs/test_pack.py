"""Steps of channels and packed filters: each number at its place, zeros elsewhere."""

import numpy as np
import pytest

from xdn.element import BF16, S8, U8
from xdn.kernels.contract.matrix.blobs.pack import Filters, Steps
from xdn.kernels.contract.matrix.pack import filter_tiles


@pytest.mark.parametrize(
    ("channels", "element", "depth", "firsts"),
    [
        (3, U8, 1, (0,)),
        (64, S8, 16, (0,)),
        # 17 words: the second step begins with the second word.
        (65, U8, 16, (0, 1)),
        (150, U8, 16, (0, 16, 22)),
        (67, BF16, 16, (0, 16, 18)),
        # As many words as another source has.
        (30, U8, 3, (0, 3, 5)),
    ],
)
def test_steps_of_blocks_end_with_the_last_word(channels, element, depth, firsts):
    steps = Steps.of_images(channels, element.interleave, depth)
    assert steps.firsts == firsts
    assert steps.firsts[-1] + steps.depth == -(-channels // element.interleave)


def test_steps_of_lines_are_whole():
    assert Steps.of_lines(150, 4).firsts == (0, 16, 32)
    assert Steps.of_lines(64, 2).firsts == (0, 16)


@pytest.mark.parametrize("steps", [Steps.of_images(67, 4, 16), Steps.of_images(30, 4, 3), Steps.of_lines(67, 4)])
@pytest.mark.parametrize("columns", [False, True])
def test_each_weight_stands_once(steps, columns, rng):
    """By brute force: where the kernel looks for a channel's weight in one step, and zeros in any other one."""
    numbers = rng.integers(1, 128, (40, steps.channels, 3), np.int8)
    for registers, firsts in filter_tiles(40).items():
        how = Filters(steps, registers, columns)
        packed = how.packed(numbers, firsts)
        assert len(packed) == len(firsts) * 3 * len(steps.firsts) * how.step_words
        inner = (steps.depth, 16, 4) if columns else (16, steps.depth, 4)
        bytes_of = packed.view(np.int8).reshape(len(firsts), 3, len(steps.firsts), registers, *inner)
        words = bytes_of.swapaxes(4, 5) if columns else bytes_of
        found = np.zeros((len(firsts), 3, registers * 16, (max(steps.firsts) + steps.depth) * 4), np.int64)
        for number, first in enumerate(steps.firsts):
            own = words[:, :, number].reshape(len(firsts), 3, registers * 16, steps.depth * 4)
            found[..., first * 4 : (first + steps.depth) * 4] += own
        for tile, first in enumerate(firsts):
            count = min(registers * 16, 40 - first)
            expected = numbers[first : first + count].transpose(2, 0, 1)
            np.testing.assert_array_equal(found[tile, :, :count, : steps.channels], expected)
            assert not found[tile, :, count:].any()
            assert not found[tile, :, :, steps.channels :].any()
