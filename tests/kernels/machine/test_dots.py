"""Dot products: which instruction a processor has for bf16, and that the loops run."""

from dataclasses import replace

import numpy as np
import pytest

from tests.codegen.targets import RUNNABLE
from tests.kernels.machine.probes import run_probe
from xdn.codegen.target import TARGETS, cpu_features, host_target, target_named, ways_of
from xdn.kernels.machine import dots, peak


@pytest.mark.parametrize(
    ("target", "features", "found"),
    [
        ("avx512f", {"avx512bf16"}, "vdpbf16ps"),
        ("amx", {"avx512bf16"}, "vdpbf16ps"),
        ("avx512f", {"avx512vnni"}, None),
        ("avx2", {"avx512bf16"}, None),
    ],
)
def test_the_instruction_of_a_processor(target, features, found):
    dot = dots.dot_for(target_named(target), frozenset(features))
    assert (dot and dot.assembly.partition(" $")[0]) == found


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_step_multiplies_neighbours(target):
    assert dots.step_macs(target) == 2 * peak.step_flops(target) // 2


def test_products_of_zeros_are_zero():
    target = host_target()
    dot = dots.dot_for(target, cpu_features())
    if dot is None:
        pytest.skip("this processor has no dot product of bf16")
    assert run_probe(dots.dots(target, dot), np.zeros(1), 100) == 0


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: target.name)
def test_a_tile_s_loop_multiplies_words_of_8_bits(target):
    """Every way that the target has; the first lane sums all rows' and vectors' products of its operands."""
    for way in ways_of(target, cpu_features()):
        own = replace(target, dots=way)
        operands = dots.word_operands(own)
        count = dots.TILE_WORDS * own.block_images
        operands.view(np.int32)[:count] = 0x03030303
        operands.view(np.int32)[count:] = dots.DOTS[way].packed(np.full((1, 4), 2, np.int8)).ravel()[0]
        found = np.float32(run_probe(dots.words(own), operands, 10, dots.TILE_WORDS))
        # The sums' bits are added as f32: of small integers, which are denormal numbers there, exactly so.
        sums = dots.word_macs(own) // own.lanes // 4
        assert found.view(np.int32) == 10 * 4 * 3 * 2 * sums
        assert dots.word_macs(own) == sums * own.lanes * 4
