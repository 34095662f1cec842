"""Dot products: which instruction a processor has, and that it runs."""

import numpy as np
import pytest

from tests.kernels.machine.probes import run_probe
from xdn.codegen.target import TARGETS, cpu_features, host_target, target_named
from xdn.element import BF16, F32, S8
from xdn.kernels.machine import dots, peak


@pytest.mark.parametrize(
    ("target", "element", "features", "found"),
    [
        ("avx512f", BF16, {"avx512bf16"}, "vdpbf16ps"),
        ("avx512f", S8, {"avx512vnni", "avxvnni"}, "vpdpbusd"),
        ("amx", BF16, {"avx512bf16"}, "vdpbf16ps"),
        ("avx512f", S8, {"avxvnni"}, None),
        ("avx512f", F32, {"avx512bf16", "avx512vnni"}, None),
        ("avx2", S8, {"avxvnni"}, "{vex} vpdpbusd"),
        ("avx2", BF16, {"avx512bf16"}, None),
        ("neon", S8, {"dotprod"}, None),
        ("portable", S8, set(), None),
    ],
)
def test_the_instruction_of_a_processor(target, element, features, found):
    dot = dots.dot_for(target_named(target), element, frozenset(features))
    assert (dot and dot.assembly.partition(" $")[0]) == found


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_step_multiplies_neighbours(target):
    assert dots.step_macs(target, S8) == 2 * dots.step_macs(target, BF16) == 4 * peak.step_flops(target) // 2


@pytest.mark.parametrize("element", [BF16, S8], ids=lambda element: element.name)
def test_products_of_zeros_are_zero(element):
    target = host_target()
    dot = dots.dot_for(target, element, cpu_features())
    if dot is None:
        pytest.skip(f"this processor has no dot product of {element.name}")
    assert run_probe(dots.dots(target, element, dot), np.zeros(1), 100) == 0
