"""A product of SciPy's BLAS, called from machine code."""

import numpy as np
from threadpoolctl import threadpool_info

from tests.codegen.emitted import f32_at
from tests.codegen.kernels import call
from xdn.codegen.blas import add_product, sgemm_address
from xdn.codegen.cache import KernelCache
from xdn.codegen.loader import KernelLoader
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelSource


def test_parts_of_matrices(tmp_path):
    def product(desc, frame):
        x, weights, y = f32_at(frame[0]), f32_at(frame[1]), f32_at(frame[2])
        add_product(desc[3], desc[0], desc[1], desc[2], x, desc[4], weights, desc[5], y, desc[6])

    rng = np.random.default_rng(0)
    x, weights, y = (rng.standard_normal(shape).astype(np.float32) for shape in ((5, 9), (7, 20), (5, 30)))
    expected = y.copy()
    expected[:, :11] += x[:, :7] @ weights[:, :11]
    loader = KernelLoader(KernelCache(tmp_path))
    address = loader.address(KernelSource(KernelName("product", "portable"), lambda: product))
    frame = np.array([array.ctypes.data for array in (x, weights, y)], np.int64)
    call(address, np.array([5, 11, 7, sgemm_address(), 9, 20, 30], np.int64), frame)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def test_the_library_leaves_the_threads_to_us():
    sgemm_address()
    assert {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"} == {1}
