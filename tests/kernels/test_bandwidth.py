"""The loop that reads memory: every value is read, once."""

import numpy as np
import pytest

from tests.codegen.kernels import call
from xdn.codegen.isa import host_isa
from xdn.codegen.loader import process_loader
from xdn.kernels import bandwidth
from xdn.kernels.layout import aligned_vectors


@pytest.mark.parametrize("steps", [0, 1, 2, 7])
def test_the_first_lanes_are_summed(steps):
    isa = host_isa()
    values = np.arange(steps * bandwidth.step_elements(isa), dtype=np.float32)
    aligned, total = aligned_vectors(values), np.full(1, np.nan, np.float32)
    descriptor = np.array([aligned.ctypes.data, steps], np.int64)
    call(process_loader().address(bandwidth.reading(isa)), descriptor, np.array([total.ctypes.data], np.int64))
    # Whole numbers below 2^24: sums in any order are exact.
    assert total[0] == values[:: isa.lanes].sum()


def test_a_step_reads_whole_vectors():
    isa = host_isa()
    assert bandwidth.step_elements(isa) == bandwidth.ACCUMULATORS * isa.lanes
