"""Functions for kernels are declared without Numba, and known to it when a kernel is compiled."""

import numpy as np
import pytest
from llvmlite import ir

from tests.codegen.kernels import call, python
from xdn.codegen.cache import KernelCache
from xdn.codegen.jit import I64, NUMBER, POINTER, VOID, WORDS, Kind, emitted, inlined, jitable, llvm_type
from xdn.codegen.loader import KernelLoader
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelSource
from xdn.element import BF16, ELEMENTS, F32


def test_a_kernel_calls_what_was_declared_before_it(tmp_path):
    @emitted(I64, I64, I64)
    def product(builder, a, b):
        return builder.mul(a, b)

    @emitted(VOID, WORDS, I64)
    def put(builder, words, value):
        builder.store(value, words)

    @jitable
    def twice(x):
        return product(x, 2)

    @inlined
    def one_more(x):
        return twice(x) + 1

    def kernel(desc, frame):
        put(frame, one_more(desc[0]))

    frame = np.zeros(1, np.int64)
    source = KernelSource(KernelName("declared", "portable"), lambda: kernel)
    loader = KernelLoader(KernelCache(tmp_path))
    call(loader.address(source), np.int64([20]), frame)
    assert frame[0] == 41


@pytest.mark.parametrize("element", ELEMENTS.values(), ids=lambda element: element.name)
def test_kinds_are_as_wide_as_their_elements(element):
    assert llvm_type(element).get_abi_size(_layout()) == element.bytes
    assert Kind(element, "pointer").llvm == llvm_type(element).as_pointer()
    assert Kind(element, "place").llvm == ir.IntType(64)


def _layout():
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    return llvm.Target.from_default_triple().create_target_machine().target_data


def test_kinds_of_no_value_and_of_numbers():
    assert isinstance(VOID.llvm, ir.VoidType)
    assert NUMBER.llvm == ir.FloatType()
    assert Kind(F32, "pointer") == POINTER
    assert Kind(BF16).llvm == ir.IntType(16)


def test_kernels_are_declared_without_numba():
    code = """
import sys
from xdn.kernels.core.family import FAMILIES
assert len(list(FAMILIES)) > 40
print("numba" in sys.modules)
"""
    assert python(code) == "False"
