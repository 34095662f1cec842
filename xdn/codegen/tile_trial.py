"""The trial of the tile unit: one multiplication, in a process that `xdn/codegen/tile_probe.py` starts for it."""

import ctypes
from functools import cache

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from xdn.codegen.assembler import linked, machine
from xdn.codegen.builder import I64, VectorBuilder
from xdn.codegen.float_control import FLUSH_BITS, read_float_control, set_float_control
from xdn.codegen.target import AMX, Target, target_named
from xdn.codegen.tile_probe import permitted
from xdn.codegen.tiles import NUMBERS, ROW_BYTES, ROWS, WORDS, configure, release, tiles_of
from xdn.element import BF16, real


def try_out() -> int:
    """Multiply two tiles by the unit of this processor; return 0 where the result is right, else 1."""
    rng = np.random.default_rng(0)
    # Whole numbers whose products and sums are exact.
    a, b = rng.integers(-8, 9, (2, ROWS, NUMBERS)).astype(real)
    columns = b.reshape(ROWS, WORDS, 2).transpose(0, 2, 1).reshape(NUMBERS, WORDS)
    right = np.array_equal(multiplied(target_named(AMX), a, b), a @ columns) if permitted() else False
    return 0 if right else 1


def multiplied(target: Target, a: np.ndarray, b: np.ndarray, c: np.ndarray | None = None) -> np.ndarray:
    """Return what the tile unit of a target makes of registers.

    Parameters
    ----------
    target : Target
    a, b : (16, 32) f32
        Rounded to bf16.
    c : (16, 16) f32, optional
        Zeros where it is not given.

    Returns
    -------
    (16, 16) f32
    """
    result = np.zeros((ROWS, WORDS), real) if c is None else np.array(c, real)
    operands = [np.ascontiguousarray(BF16.stored(each)) for each in (a, b)]
    engine = _multiplication(target)
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)
    kind(engine.get_function_address("multiply"))(*(each.ctypes.data for each in (result, *operands)))
    return result


@cache
def _multiplication(target: Target) -> llvm.ExecutionEngine:
    """Return machine code of a function (c, a, b: addresses of tiles) -> None."""
    module = ir.Module("tiles")
    module.triple = llvm.get_process_triple()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()] * 3), "multiply")
    builder = VectorBuilder(ir.IRBuilder(function.append_basic_block("entry")), target)
    before = read_float_control(builder.ir)
    set_float_control(builder.ir, builder.ir.or_(before, ir.Constant(I64, FLUSH_BITS)))
    configure(builder)
    tiles, stride = tiles_of(builder), ir.Constant(I64, ROW_BYTES)
    for register, pointer in enumerate(function.args):
        tiles.load(register, pointer, stride)
    tiles.multiply(0, 1, 2)
    tiles.store(0, function.args[0], stride)
    release(builder)
    set_float_control(builder.ir, before)
    builder.ir.ret_void()
    return linked(bytes(machine().emit_object(llvm.parse_assembly(str(module)))))
