"""Compiling a kernel: object code that stands by itself, and IEEE arithmetic."""

import re

import numpy as np

from tests.codegen.emitted import f32_at
from tests.codegen.kernels import call, shift_source
from xdn.codegen.cache import KernelCache
from xdn.codegen.compiler import ObjectCode, compile_kernel
from xdn.codegen.loader import KernelLoader
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelSource


def test_object_code_holds_its_symbol_and_says_how_long_it_took():
    code = compile_kernel(shift_source(1))
    assert code.symbol.encode() in code.code
    assert code.compile_s > 0
    assert ObjectCode(code.symbol, code.code).compile_s == 0


def test_object_code_asks_nothing_of_python():
    """Numba's wrappers and runtime would be undefined symbols of these names."""
    code = compile_kernel(shift_source(1)).code
    assert not re.search(rb"Py[A-Z]\w+_|NRT_|numba_(?!\w*shift)", code)


def test_division_follows_ieee_754(tmp_path):
    def make():
        def divide(descriptor, frame):
            x, y = f32_at(descriptor[0]), f32_at(frame[0])
            for i in range(3):
                y[i] = x[i] / np.float32(0)

        return divide

    x, y = np.float32([1, -1, 0]), np.zeros(3, np.float32)
    loader = KernelLoader(KernelCache(tmp_path))
    call(
        loader.address(KernelSource(KernelName("divide", "portable"), make)),
        np.array([x.ctypes.data], np.int64),
        np.array([y.ctypes.data], np.int64),
    )
    np.testing.assert_array_equal(y, [np.inf, -np.inf, np.nan])


def test_sums_keep_their_order(tmp_path):
    """No fastmath: 2**24 ones after it are lost one by one, a reordered sum would keep some."""

    def make():
        def total(descriptor, frame):
            x, y = f32_at(descriptor[0]), f32_at(frame[0])
            acc = np.float32(0)
            for i in range(descriptor[1]):
                acc += x[i]
            y[0] = acc

        return total

    x, y = np.ones(65, np.float32), np.zeros(1, np.float32)
    x[0] = 2**24
    loader = KernelLoader(KernelCache(tmp_path))
    call(
        loader.address(KernelSource(KernelName("total", "portable"), make)),
        np.array([x.ctypes.data, 65], np.int64),
        np.array([y.ctypes.data], np.int64),
    )
    assert y[0] == 2**24


def test_sources_are_the_same_by_name():
    assert shift_source(1) == shift_source(2)
    assert shift_source(1) != shift_source(1, op="other")
