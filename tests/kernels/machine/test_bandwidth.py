"""The loop that reads memory: every value is read, in turn."""

import numpy as np
import pytest

from tests.kernels.machine.probes import run_probe
from xdn.codegen.target import host_target
from xdn.kernels.machine import bandwidth


@pytest.mark.parametrize(("steps", "around"), [(0, 1), (1, 1), (2, 2), (7, 8), (8, 8), (11, 4), (5, 1)])
def test_the_first_lanes_are_summed(steps, around):
    target = host_target()
    values = np.arange(around * bandwidth.step_elements(target), dtype=np.float32).reshape(around, -1)
    # Whole numbers below 2^24: sums in any order are exact.
    expected = values[np.arange(steps) % around, :: target.lanes].sum()
    assert run_probe(bandwidth.reading(target), values, steps, around) == expected


def test_a_step_reads_whole_vectors():
    target = host_target()
    assert bandwidth.step_elements(target) == bandwidth.ACCUMULATORS * target.lanes
