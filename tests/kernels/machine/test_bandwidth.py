"""The loop that reads memory: every value is read, once."""

import numpy as np
import pytest

from tests.codegen.kernels import call
from xdn.codegen.loader import process_loader
from xdn.codegen.target import host_target
from xdn.kernels.core.frame import Frame
from xdn.kernels.core.layout import aligned_vectors
from xdn.kernels.machine import bandwidth


@pytest.mark.parametrize("steps", [0, 1, 2, 7])
def test_the_first_lanes_are_summed(steps):
    target = host_target()
    values = np.arange(steps * bandwidth.step_elements(target), dtype=np.float32)
    aligned, total = aligned_vectors(values), np.full(1, np.nan, np.float32)
    told = bandwidth.Reading(values=aligned, steps=steps, total=total)
    call(process_loader().address(bandwidth.reading(target)), told.words, Frame().words)
    # Whole numbers below 2^24: sums in any order are exact.
    assert total[0] == values[:: target.lanes].sum()


def test_a_step_reads_whole_vectors():
    target = host_target()
    assert bandwidth.step_elements(target) == bandwidth.ACCUMULATORS * target.lanes
