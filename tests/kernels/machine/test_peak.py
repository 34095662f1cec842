"""The register-only multiply-adds: what they compute, and that nothing of them is left out."""

import numpy as np
import pytest

from tests.kernels.machine.probes import run_probe
from xdn.codegen.target import TARGETS, host_target
from xdn.kernels.machine import peak


def run(steps, factor, addend, starts):
    """Run the kernel and return the sum of the chains' first lanes."""
    return run_probe(peak.peak(host_target()), np.array([factor, addend, *starts], np.float32), steps)


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


def test_the_operands_lead_every_chain_to_one():
    target = host_target()
    operands = peak.chain_operands(target)
    assert run_probe(peak.peak(target), operands, 10_000) == peak.accumulators(target)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_best_tile_has_the_fewest_loads_for_each_product(target):
    rows, vectors = peak.best_tile(target)
    # Accumulators, a panel's vectors and a scalar fill the registers at most.
    assert rows * vectors + vectors + 1 <= target.registers
    assert peak.tile_step_macs(target) == rows * vectors * target.lanes
    assert (rows + vectors) / (rows * vectors) <= 2 / 3


@pytest.mark.parametrize("steps", [0, 1, peak.TILE_CHANNELS, 2 * peak.TILE_CHANNELS + 3])
def test_a_tile_multiplies_the_operands_of_every_channel(steps):
    """Channels are taken in turn, from the first again after the last; whole numbers are summed exactly."""
    target = host_target()
    (rows, vectors), channels = peak.best_tile(target), np.arange(steps) % peak.TILE_CHANNELS
    operands = peak.tile_operands(target)
    columns = vectors * target.lanes
    of_channels = operands[: peak.TILE_CHANNELS * columns].reshape(-1, columns)
    scalars = operands[peak.TILE_CHANNELS * columns :].reshape(rows, -1)
    of_channels[:] = 1 + np.arange(peak.TILE_CHANNELS)[:, None] % 5
    scalars[:] = 1 + np.arange(rows)[:, None] + np.arange(peak.TILE_CHANNELS) % 3
    expected = sum(
        float((scalars[r, channels] * of_channels[channels, v * target.lanes]).sum())
        for r in range(rows)
        for v in range(vectors)
    )
    assert run_probe(peak.tile_loop(target), operands, steps, peak.TILE_CHANNELS) == expected
