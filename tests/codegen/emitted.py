"""What the tests of the builders share: functions of their own, compiled by LLVM alone and called."""

import ctypes

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from xdn.codegen.builder import I64
from xdn.codegen.intrinsics import pointer_at
from xdn.codegen.jit import POINTER
from xdn.element import F32
from xdn.kernels.core.aligned import aligned_bytes

f32_at = pointer_at(F32)


def floats(values, lanes):
    """Return f32 values, aligned to vectors and filled up to whole ones."""
    values = np.asarray(values, np.float32)
    size = -(-len(values) // lanes) * lanes
    array = aligned_bytes(size * 4, 64).view(np.float32)
    array[: len(values)] = values
    return array


def run(emit, *arrays, count=0):
    """Compile a function (pointer to f32 for each array, count) -> None and call it.

    `emit` writes its body: (IRBuilder, pointers, count) -> None.
    """
    module = ir.Module("test")
    pointers = [POINTER.llvm] * len(arrays)
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [*pointers, I64]), "f")
    irbuilder = ir.IRBuilder(function.append_basic_block())
    emit(irbuilder, *function.args)
    irbuilder.ret_void()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_default_triple().create_target_machine(cpu=llvm.get_host_cpu_name(), features=features)
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    engine = llvm.create_mcjit_compiler(parsed, target)
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(arrays), ctypes.c_int64)
    kind(engine.get_function_address("f"))(*(array.ctypes.data for array in arrays), count)
