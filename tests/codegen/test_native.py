"""Machine code as a Python function."""

import numpy as np

from tests.codegen.kernels import shift_source
from xdn.codegen.cache import KernelCache
from xdn.codegen.loader import KernelLoader
from xdn.codegen.native import kernel_at


def test_a_kernel_gets_both_arrays(tmp_path):
    loader = KernelLoader(KernelCache(tmp_path))
    kernel = kernel_at(loader.address(shift_source(7)))
    frame = np.zeros(4, np.int64)
    kernel(np.arange(4), frame)
    assert frame.tolist() == [7, 8, 9, 10]
    kernel(frame, frame)
    assert frame.tolist() == [14, 15, 16, 17]
