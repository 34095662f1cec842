"""SciPy's BLAS for generated code: the address of its `sgemm`, and a call of it from a kernel."""

import ctypes
from functools import cache

from llvmlite import ir

from xdn.codegen.intrinsics import at_entry
from xdn.codegen.jit import I64, POINTER, VOID, emitted


@cache
def sgemm_address() -> int:
    """Return the address of Fortran's `sgemm`, which from now on uses one thread: XDN's own threads share the work.

    Other code of this process that multiplies by SciPy's BLAS gets one thread, too.
    """
    from scipy.linalg import cython_blas
    from threadpoolctl import ThreadpoolController

    for library in ThreadpoolController().select(user_api="blas").lib_controllers:
        library.set_num_threads(1)
    capsule = cython_blas.__pyx_capi__["sgemm"]
    name_of, pointer_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(pointer_of(capsule, name_of(capsule)))


@emitted(VOID, I64, I64, I64, I64, POINTER, I64, POINTER, I64, POINTER, I64)
def add_product(
    builder: ir.IRBuilder,
    sgemm: ir.Value,
    m: ir.Value,
    n: ir.Value,
    k: ir.Value,
    x: ir.Value,
    x_pitch: ir.Value,
    weights: ir.Value,
    weights_pitch: ir.Value,
    y: ir.Value,
    y_pitch: ir.Value,
) -> None:
    """Compute y += x @ weights for row-major x (m, k), weights (k, n), y (m, n), each with elements from row to row.

    Fortran sees the transposed matrices, and their product in the other order.
    """
    i8, i32, f32 = ir.IntType(8), ir.IntType(32), ir.FloatType()

    def by_reference(value: ir.Value, kind: ir.Type) -> ir.Value:
        place = at_entry(builder, kind)
        builder.store(builder.trunc(value, i32) if kind is i32 else value, place)
        return place

    plain, one = by_reference(ir.Constant(i8, ord("N")), i8), by_reference(ir.Constant(f32, 1.0), f32)
    number = [by_reference(value, i32) for value in (n, m, k)]
    pitches = [by_reference(value, i32) for value in (weights_pitch, x_pitch, y_pitch)]
    arguments = [plain, plain, *number, one, weights, pitches[0], x, pitches[1], one, y, pitches[2]]
    kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
    builder.call(builder.inttoptr(sgemm, kind.as_pointer()), arguments)
