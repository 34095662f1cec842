"""The register-only multiply-adds: what they compute, and that nothing of them is left out."""

import numpy as np
import pytest

from tests.codegen.kernels import call
from xdn.codegen.loader import process_loader
from xdn.codegen.target import TARGETS, host_target
from xdn.kernels.core.frame import Frame
from xdn.kernels.machine import peak


def run(steps, factor, addend, starts):
    """Run the kernel and return the sum of the chains' first lanes."""
    values = np.array([factor, addend, *starts], np.float32)
    total = np.full(1, np.nan, np.float32)
    told = peak.Chains(values=values, steps=steps, total=total)
    call(process_loader().address(peak.peak(host_target())), told.words, Frame().words)
    return float(total[0])


@pytest.fixture(scope="module")
def chains():
    """Return the number of chains."""
    return peak.accumulators(host_target())


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_every_chain_is_computed(chains, steps):
    """Each chain by itself in exact arithmetic: powers of two stay exact."""
    for which in range(chains):
        starts = np.zeros(chains)
        starts[which] = 64
        assert run(steps, 0.5, 0, starts) == 64 * 0.5**steps


def test_values_stay_where_arithmetic_is_fast(chains):
    """After many steps every chain is at addend / (1 - factor) = 1: neither infinite nor denormal."""
    assert run(10_000, 0.5, 0.5, np.linspace(1, 2, chains)) == chains


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_chains_fit_the_registers_and_hide_the_latency(target):
    # Beside the chains two registers hold factor and addend. Four cycles of latency and two units need eight chains.
    assert 8 <= peak.accumulators(target) <= target.registers - 2
    assert peak.step_flops(target) == 2 * peak.accumulators(target) * target.lanes
