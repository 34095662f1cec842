"""The trial of the tile unit: a few multiplications, in a process that `xdn/codegen/tile_probe.py` starts for it."""

import ctypes
from collections.abc import Iterator
from functools import cache

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from xdn.codegen.assembler import linked, machine
from xdn.codegen.builder import I64, VectorBuilder
from xdn.codegen.float_control import FLUSH_BITS, read_float_control, set_float_control
from xdn.codegen.target import AMX, TILED_INTEGERS, Target, cpu_features, target_named
from xdn.codegen.tile_probe import permitted
from xdn.codegen.tiles import (
    INSTRUCTIONS,
    OF_COLUMNS,
    OF_ROWS,
    PARTS,
    ROW_BYTES,
    ROWS,
    WORDS,
    configure,
    release,
    tiles_of,
)
from xdn.element import BF16, S32, Element, real

#: Words of a sum that does not fill its registers.
_FEW = 5


def try_out() -> int:
    """Multiply tiles by the unit of this processor; return 0 where all results are right, else 1."""
    return 0 if permitted() and all(_right_ones()) else 1


def _right_ones() -> Iterator[bool]:
    """Yield whether each multiplication that the processor names gives what it should, of whole and of short sums."""
    rng, integers = np.random.default_rng(0), TILED_INTEGERS in cpu_features()
    for elements in INSTRUCTIONS if integers else (PARTS,):
        for depth in (WORDS, _FEW):
            a, b = (_numbers(rng, element, depth) for element in elements)
            found = multiplied(target_named(AMX), a, in_columns(b, depth), elements=elements)
            yield np.array_equal(found, a.astype(np.int64) @ b.astype(np.int64).T)


def _numbers(rng: np.random.Generator, element: Element, depth: int) -> np.ndarray:
    """Return rows of whole numbers whose products and sums are exact."""
    shape = ROWS, depth * element.interleave
    if element == BF16:
        return rng.integers(-8, 9, shape).astype(real)
    limits = np.iinfo(element.numpy)
    return rng.integers(limits.min, limits.max + 1, shape, element.numpy)


def in_columns(rows: np.ndarray, depth: int) -> np.ndarray:
    """Return (16, n) numbers as a register holds them whose columns they are: words of a column below each other."""
    return rows.reshape(ROWS, depth, -1).swapaxes(0, 1).reshape(depth, -1)


def multiplied(
    target: Target,
    a: np.ndarray,
    b: np.ndarray,
    c: np.ndarray | None = None,
    elements: tuple[Element, Element] = PARTS,
) -> np.ndarray:
    """Return what the tile unit of a target makes of registers.

    Parameters
    ----------
    target : Target
    a, b : (16, depth x numbers of a word), (depth, 16 x numbers of a word)
        f32 rounded to bf16, or integers.
    c : (16, 16) f32 or s32, optional
        Zeros where it is not given.
    elements : (Element, Element)
        Of a and b.

    Returns
    -------
    (16, 16) f32 or s32
    """
    kind = np.dtype(real) if elements == PARTS else S32.numpy
    result = np.zeros((ROWS, WORDS), kind) if c is None else np.array(c, kind)
    pairs = zip((a, b), elements, strict=True)
    operands = [np.ascontiguousarray(each.stored(numbers) if each == BF16 else numbers) for numbers, each in pairs]
    engine = _multiplication(target, elements, len(b))
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)(engine.get_function_address("multiply"))
    function(*(each.ctypes.data for each in (result, *operands)))
    return result


@cache
def _multiplication(target: Target, elements: tuple[Element, Element], depth: int) -> llvm.ExecutionEngine:
    """Return machine code of a function (c, a, b: addresses of tiles, whose rows follow each other) -> None."""
    module = ir.Module("tiles")
    module.triple = llvm.get_process_triple()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()] * 3), "multiply")
    builder = VectorBuilder(ir.IRBuilder(function.append_basic_block("entry")), target)
    before = read_float_control(builder.ir)
    set_float_control(builder.ir, builder.ir.or_(before, ir.Constant(I64, FLUSH_BITS)))
    configure(builder, depth)
    tiles, registers = tiles_of(builder, depth), (0, OF_ROWS[0], OF_COLUMNS[0])
    strides = [ir.Constant(I64, each) for each in (ROW_BYTES, ROW_BYTES * depth // WORDS, ROW_BYTES)]
    for register, pointer, stride in zip(registers, function.args, strides, strict=True):
        tiles.load(register, pointer, stride)
    tiles.multiply(*registers, elements)
    tiles.store(0, function.args[0], strides[0])
    release(builder)
    set_float_control(builder.ir, before)
    builder.ir.ret_void()
    return linked(bytes(machine().emit_object(llvm.parse_assembly(str(module)))))
