"""What Winograd's kernels of both schedules have in common: what they are told, the transforms of inputs and results.

Inputs, transformed inputs and results lie in rows: a channel of a block's images, or a vector of channels of one image.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, POINTER, VOID, WORDS, emitted, inlined
from xdn.codegen.names import KernelName
from xdn.codegen.target import target_named
from xdn.element import S64
from xdn.kernels.core.descriptor import Pointer, Scratch, Size
from xdn.kernels.core.epilogue import Fused
from xdn.kernels.winograd.transform import Transform, Winograd


class Filtering(Fused):
    """What a kernel is told; weights are U, the transformed filters.

    v, m, v_pitch, m_pitch
        Transformed inputs, products; f32 from one position of them to the next.
    zeros
        As many as a position of x has values.
    inputs, outputs, tile_count
        Tables, a row a tile: offsets of its inputs (-1: padding) and of its results (-1: outside), in f32 of a block.
    unit
        How many positions are transformed at a time.
    channels, x_rows, y_rows
        C; rows of x, and of y, at a position.
    full, small, full_size
        Register tiles (batch schedule) or panels (channel schedule) of `full_size` filters or vectors, as the kernel's
        name says; those after them, of one less.
    rows
        Positions that the channel schedule multiplies at a time.
    """

    v, m, v_pitch, m_pitch = Scratch(), Scratch(), Size(), Size()
    zeros, inputs, outputs, tile_count = Pointer(), Pointer(S64), Pointer(S64), Size()
    unit, channels, x_rows, y_rows, full, small, full_size, rows = (Size() for _ in range(8))


def _both_ways(
    b: VectorBuilder, f: Transform, load: Callable[[int, int], list[ir.Value]], size: int
) -> Iterator[list[ir.Value]]:
    """Yield the elements, row by row, of f applied to the columns and then to the rows; each for all its vectors.

    `load` gives the vectors of an element (row, column); they are asked for together, so that each line of the cache
    is touched once. A row is computed when its first element is asked for.
    """
    columns: list[list[list[ir.Value]]] = []
    for j in range(size):
        loaded = [load(i, j) for i in range(size)]
        columns.append([f(b, column) for column in zip(*loaded, strict=True)])
    for i in range(len(columns[0][0])):
        rows = [f(b, [column[vector][i] for column in columns]) for vector in range(len(columns[0]))]
        yield from (list(element) for element in zip(*rows, strict=True))


def _emit_input(b: VectorBuilder, args: Sequence[ir.Value], algorithm: Winograd, row_elements: int) -> None:
    """V[element][c] = B' d B for all rows of a tile."""
    x, offsets, zeros, rows, v, stride = args
    size, vectors = algorithm.inputs, row_elements // b.target.lanes
    inputs = []
    for element in range(algorithm.elements):
        offset = b.scalar(offsets, element)
        inside = b.ir.icmp_signed(">=", offset, b.const(0))
        inputs.append(b.ir.select(inside, b.offset(x, offset), zeros))

    def one_row(c: ir.Value, _: list[ir.Value]) -> list[ir.Value]:
        at = b.ir.mul(c, b.const(row_elements))

        def load(i: int, j: int) -> list[ir.Value]:
            source = b.offset(b.opaque(inputs[i * size + j]), at)
            return [b.load(source, vector) for vector in range(vectors)]

        result = b.offset(v, at)
        for element in _both_ways(b, algorithm.of_input, load, size):
            for vector, value in enumerate(element):
                b.store(value, result, vector)
            result = b.opaque(b.offset(result, stride))
        return []

    b.loop(b.const(0), rows, [], one_row)


@dataclass(frozen=True)
class Results:
    """What becomes of a row of a tile's results.

    Parameters
    ----------
    shift : callable
        Number of the row -> what is added to each of its vectors.
    store : callable
        (vectors, offset in f32, number of the row): the epilogue and the only store.
    """

    shift: Callable[[ir.Value], ir.Value]
    store: Callable[[list[ir.Value], ir.Value, ir.Value], None]


def _emit_output(
    b: VectorBuilder, args: Sequence[ir.Value], algorithm: Winograd, row_elements: int, results: Results
) -> None:
    """y = f(A' M A + bias + residual) for all rows of a tile."""
    m, stride, rows, offsets = args
    size, vectors = algorithm.inputs, row_elements // b.target.lanes
    products = [b.offset(m, b.ir.mul(stride, b.const(element))) for element in range(algorithm.elements)]
    to = [b.scalar(offsets, number) for number in range(algorithm.outputs**2)]

    def one_row(k: ir.Value, _: list[ir.Value]) -> list[ir.Value]:
        at = b.ir.mul(k, b.const(row_elements))

        def load(i: int, j: int) -> list[ir.Value]:
            source = b.offset(b.opaque(products[i * size + j]), at)
            return [b.load(source, vector) for vector in range(vectors)]

        shift = results.shift(k)
        for offset, element in zip(to, _both_ways(b, algorithm.of_output, load, size), strict=True):
            shifted = [b.add(value, shift) for value in element]
            with b.ir.if_then(b.ir.icmp_signed(">=", offset, b.const(0))):
                results.store(shifted, b.ir.add(offset, at), k)
        return []

    b.loop(b.const(0), rows, [], one_row)


#: (builder, (bias, residual, y, coefficients), the kernel's words) -> what becomes of results.
ResultsOf = Callable[[VectorBuilder, Sequence[ir.Value], tuple[str, ...]], Results]


def transforms(name: KernelName, algorithm: Winograd, row_elements: int, results_of: ResultsOf) -> tuple[Any, Any]:
    """Return what kernels call to transform the inputs of one of some positions, and its products to results.

    Both take (descriptor, frame, block, tile, position, positions).

    Parameters
    ----------
    name : KernelName
    algorithm : Winograd
    row_elements : int
        Images of a block, or lanes of a vector of channels.
    results_of : callable
    """
    target, inputs, outputs = target_named(name.isa), algorithm.inputs**2, algorithm.outputs**2

    @emitted(VOID, POINTER, WORDS, POINTER, I64, POINTER, I64)
    def transform_input(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _emit_input(VectorBuilder(irbuilder, target), args, algorithm, row_elements)

    @emitted(VOID, POINTER, I64, I64, WORDS, POINTER, POINTER, POINTER, POINTER)
    def transform_output(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        b = VectorBuilder(irbuilder, target)
        _emit_output(b, args[:4], algorithm, row_elements, results_of(b, args[4:], name.epilogue))

    @inlined
    def to_elements(d, frame, block, tile, position, positions):
        x, v = at_element(frame, d.x, block * d.x_block), at_element(frame, d.v, position * d.v_pitch)
        transform_input(x, moved(d.inputs, tile * inputs), d.zeros, d.x_rows, v, positions * d.v_pitch)

    @inlined
    def to_results(d, frame, block, tile, position, positions):
        transform_output(
            at_element(frame, d.m, position * d.m_pitch),
            positions * d.m_pitch,
            d.y_rows,
            moved(d.outputs, tile * outputs),
            d.bias,
            at_element(frame, d.residual, block * d.y_block),
            at_element(frame, d.y, block * d.y_block),
            d.coefficients,
        )

    return to_elements, to_results
