"""Dot products: that the loops of the best tiles multiply what they should."""

from dataclasses import replace

import numpy as np
import pytest

from tests.codegen.targets import RUNNABLE
from tests.kernels.machine.probes import run_probe
from xdn.codegen.target import cpu_features, pair_ways_of, ways_of
from xdn.element import BF16, U8
from xdn.kernels.machine import dots


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: target.name)
def test_a_tile_s_loop_multiplies_words_of_8_bits(target):
    """Every way that the target has; the first lane sums all rows' and vectors' products of its operands."""
    for way in ways_of(target, cpu_features()):
        own = replace(target, dots=way)
        operands = dots.word_operands(own, U8)
        count = dots.TILE_WORDS * own.block_images
        operands.view(np.int32)[:count] = 0x03030303
        operands.view(np.int32)[count:] = dots.DOTS[way].packed(np.full((1, 4), 2, np.int8)).ravel()[0]
        found = np.float32(run_probe(dots.words(own, U8), operands, 10, dots.TILE_WORDS))
        # The sums' bits are added as f32: of small integers, which are denormal numbers there, exactly so.
        sums = dots.word_macs(own, U8) // own.lanes // 4
        assert found.view(np.int32) == 10 * 4 * 3 * 2 * sums
        assert dots.word_macs(own, U8) == sums * own.lanes * 4


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: target.name)
def test_a_tile_s_loop_multiplies_pairs_of_bf16(target):
    for way in pair_ways_of(target, cpu_features()):
        own = replace(target, pairs=way)
        operands, count = dots.word_operands(own, BF16), dots.TILE_WORDS * own.block_images
        operands.view(np.uint16)[: 2 * count] = BF16.stored(np.float32([3, 5]).repeat(count).reshape(2, -1).T.ravel())
        weights = dots.DOTS[way].packed(BF16.stored(np.float32([[2, 4]]))).ravel()
        operands.view(np.int32)[count:] = np.resize(weights, len(operands) - count)
        macs = dots.word_macs(own, BF16)
        assert run_probe(dots.words(own, BF16), operands, 10, dots.TILE_WORDS) == 10 * 26 * macs / own.lanes / 2
