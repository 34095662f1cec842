"""The kernel of 3x3 convolution with stride 1 by Winograd's minimal filtering.

A place is a tile of the output map in a block of images. For `UNIT` places at a time::

    for place:       for c in C:        V[element][place][c] = B' d B     d: the tile's inputs, padding is 0
    for element:
        for place:   for MR filters:    M[element][place][k] = sum over c of U[element][c][k] * V[element][place][c]
    for place:       for k in K:        y = f(A' M A + bias[k] + residual)      the only store of a result

The middle is the contraction kernel's register tile. U, the transformed filters, are packed
``[element][MR filters][C][MR]``. V and M are scratch of the thread. Every row of them holds B images.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at, i64_at
from xdn.codegen.jit import F32_POINTER, I64, VOID, WORDS, emitted, jitable
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target, target_named
from xdn.kernels.contract.batch_kernel import contract_channels
from xdn.kernels.core.epilogue import store_images
from xdn.kernels.core.layout import ARENA, BLOCKS, F32_BYTES, B
from xdn.kernels.winograd.transform import WINOGRAD, Transform, Winograd

# The descriptor.
X, Y, RESIDUAL, V, M = range(5)
#: Addresses of U, and of f32 for each filter: bias, the activation's coefficient. ZEROS: a row of zeros a channel.
WEIGHTS, BIAS, COEFFICIENTS, ZEROS = range(5, 9)
#: Tables, a row a tile: places of its inputs (-1: padding) and of its results (-1: outside), in f32 of a block.
INPUTS, OUTPUTS, TILE_COUNT, UNIT = range(9, 13)
CHANNELS, FILTERS, X_BLOCK, Y_BLOCK = range(13, 17)
#: Register tiles of MR filters; behind them those of one filter less.
FULL_TILES, SMALL_TILES = 17, 18
#: f32 from one place of V and of M to the next.
V_PLACE, M_PLACE = 19, 20
WORD_COUNT = 21


def winograd(outputs: int, rows: int, epilogue: tuple[str, ...], target: Target) -> KernelSource:
    """Return the kernel of F(`outputs` x `outputs`, 3 x 3).

    Parameters
    ----------
    outputs : int
        Rows and columns of results of a tile: a key of `WINOGRAD`.
    rows : int
        Filters of a register tile (MR).
    epilogue : tuple of str
        As `epilogue_parts` gives them.
    target : Target
    """
    name = KernelName(f"winograd{outputs}", target.name, epilogue, (rows, target.tile()[1]))
    return KernelSource(name, lambda: _body(name, WINOGRAD[outputs]))


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


def emit_input(b: VectorBuilder, args: list[ir.Value], algorithm: Winograd, vectors: int, row: int) -> None:
    """V[element][c] = B' d B for all rows of `row` elements of a tile."""
    x, places, zeros, channels, v, stride = args
    size = algorithm.inputs
    inputs = []
    for element in range(algorithm.elements):
        place = b.scalar(places, element)
        inside = b.ir.icmp_signed(">=", place, b.const(0))
        inputs.append(b.ir.select(inside, b.offset(x, place), zeros))

    def body(c, _):
        at = b.ir.mul(c, b.const(row))

        def load(i, j):
            place = b.offset(b.opaque(inputs[i * size + j]), at)
            return [b.load(place, vector) for vector in range(vectors)]

        place = b.offset(v, at)
        for element in _both_ways(b, algorithm.of_input, load, size):
            for vector, value in enumerate(element):
                b.store(value, place, vector)
            place = b.opaque(b.offset(place, stride))
        return []

    b.loop(b.const(0), channels, [], body)


def _emit_product(b: VectorBuilder, args: list[ir.Value], rows: int, vectors: int) -> None:
    """M[k] = sum over c of U[c][k] * V[c] for `rows` filters."""
    v, weights, channels, m = args
    zeros = [b.number(0)] * (rows * vectors)
    acc = contract_channels(b, (v, weights, channels), (rows, vectors), zeros)
    for r in range(rows):
        for vector in range(vectors):
            b.store(acc[r * vectors + vector], b.offset(m, r * B), vector)


@dataclass(frozen=True)
class Row:
    """How results of a tile lie, by rows: what is added to one, and how it is stored.

    Parameters
    ----------
    elements : int
        Of a row.
    vectors : int
        Of a row.
    shift : callable
        Number of the row -> what is added to each of its vectors.
    store : callable
        (vectors, place in f32, number of the row): the epilogue and the only store.
    """

    elements: int
    vectors: int
    shift: Callable[[ir.Value], ir.Value]
    store: Callable[[list[ir.Value], ir.Value, ir.Value], None]


def emit_output(
    b: VectorBuilder, m: ir.Value, stride: ir.Value, rows: ir.Value, places: ir.Value, algorithm: Winograd, row: Row
) -> None:
    """y = f(A' M A + bias + residual) for all rows of a tile.

    Parameters
    ----------
    b : VectorBuilder
    m : pointer to f32
        The tile's first product.
    stride : i64
        From one element of the products to the next.
    rows : i64
        How many there are.
    places : pointer to i64
        Of the results; -1 for those outside.
    algorithm : Winograd
    row : Row
    """
    size, outputs = algorithm.inputs, algorithm.outputs
    products = [b.offset(m, b.ir.mul(stride, b.const(element))) for element in range(algorithm.elements)]
    offsets = [b.scalar(places, place) for place in range(outputs**2)]

    def body(k, _):
        at = b.ir.mul(k, b.const(row.elements))

        def load(i, j):
            place = b.offset(b.opaque(products[i * size + j]), at)
            return [b.load(place, vector) for vector in range(row.vectors)]

        shift = row.shift(k)
        for offset, element in zip(offsets, _both_ways(b, algorithm.of_output, load, size), strict=True):
            shifted = [b.add(value, shift) for value in element]
            with b.ir.if_then(b.ir.icmp_signed(">=", offset, b.const(0))):
                row.store(shifted, b.ir.add(offset, at), k)
        return []

    b.loop(b.const(0), rows, [], body)


def _emit_output(
    b: VectorBuilder, args: list[ir.Value], algorithm: Winograd, vectors: int, epilogue: tuple[str, ...]
) -> None:
    m, stride, filters, places, bias, residual, y, at = args

    def store(tile, to, k):
        store_images(b, [tile], epilogue, b.offset(residual, to), b.offset(y, to), b.offset(at, k))

    row = Row(B, vectors, lambda k: b.broadcast(b.scalar(bias, k)), store)
    emit_output(b, m, stride, filters, places, algorithm, row)


def _intrinsics(name: KernelName, algorithm: Winograd) -> tuple[Callable[..., None], ...]:
    """Return the intrinsics of the kernel: inputs, products of MR filters and of one less, outputs."""
    target = target_named(name.isa)
    rows, vectors = name.tile

    @emitted(VOID, F32_POINTER, WORDS, F32_POINTER, I64, F32_POINTER, I64)
    def transform_input(irbuilder, *args):
        emit_input(VectorBuilder(irbuilder, target), args, algorithm, vectors, B)

    def product_of(filters):
        @emitted(VOID, F32_POINTER, F32_POINTER, I64, F32_POINTER)
        def product(irbuilder, *args):
            _emit_product(VectorBuilder(irbuilder, target), args, filters, vectors)

        return product

    @emitted(VOID, F32_POINTER, I64, I64, WORDS, F32_POINTER, F32_POINTER, F32_POINTER, F32_POINTER)
    def transform_output(irbuilder, *args):
        _emit_output(VectorBuilder(irbuilder, target), args, algorithm, vectors, name.epilogue)

    return transform_input, product_of(rows), product_of(max(1, rows - 1)), transform_output


def _body(name: KernelName, algorithm: Winograd) -> KernelBody:
    """Return the loop nest, as Numba compiles it."""
    transform_input, full_product, small_product, transform_output = _intrinsics(name, algorithm)
    rows, vectors = name.tile
    images_at_once = target_named(name.isa).lanes * vectors
    elements, inputs, outputs = algorithm.elements, algorithm.inputs**2, algorithm.outputs**2

    def multiply(desc, arena, places):
        """All products of `places` places."""
        channels, full, small = desc[CHANNELS], desc[FULL_TILES], desc[SMALL_TILES]
        v_row, m_row = desc[V_PLACE], desc[M_PLACE]
        for element in range(elements):
            weights = desc[WEIGHTS] + element * channels * desc[FILTERS] * F32_BYTES
            for place in range(places):
                v = arena + desc[V] + (element * places + place) * v_row * F32_BYTES
                m = arena + desc[M] + (element * places + place) * m_row * F32_BYTES
                for lane in range(0, B, images_at_once):
                    for t in range(full + small):
                        first = t * rows - max(0, t - full)
                        v_at, m_at = f32_at(v + lane * F32_BYTES), f32_at(m + (first * B + lane) * F32_BYTES)
                        w_at = f32_at(weights + first * channels * F32_BYTES)
                        if t < full:
                            full_product(v_at, w_at, channels, m_at)
                        else:
                            small_product(v_at, w_at, channels, m_at)

    multiply = jitable(multiply)

    def winograd(desc, frame):
        arena, blocks = frame[ARENA], frame[BLOCKS]
        x, y, residual = arena + desc[X], arena + desc[Y], arena + desc[RESIDUAL]
        bias, at, zeros = f32_at(desc[BIAS]), f32_at(desc[COEFFICIENTS]), f32_at(desc[ZEROS])
        total = desc[TILE_COUNT] * blocks
        for first in range(0, total, desc[UNIT]):
            places = min(desc[UNIT], total - first)
            v_stride, m_stride = places * desc[V_PLACE], places * desc[M_PLACE]
            for place in range(places):
                tile, block = (first + place) // blocks, (first + place) % blocks
                table = i64_at(desc[INPUTS] + tile * inputs * 8)
                for lane in range(0, B, images_at_once):
                    x_at = f32_at(x + (block * desc[X_BLOCK] + lane) * F32_BYTES)
                    v_at = f32_at(arena + desc[V] + (place * desc[V_PLACE] + lane) * F32_BYTES)
                    transform_input(x_at, table, zeros, desc[CHANNELS], v_at, v_stride)
            multiply(desc, arena, places)
            for place in range(places):
                tile, block = (first + place) // blocks, (first + place) % blocks
                table = i64_at(desc[OUTPUTS] + tile * outputs * 8)
                for lane in range(0, B, images_at_once):
                    shift = (block * desc[Y_BLOCK] + lane) * F32_BYTES
                    m_at = f32_at(arena + desc[M] + (place * desc[M_PLACE] + lane) * F32_BYTES)
                    y_at, r_at = f32_at(y + shift), f32_at(residual + shift)
                    transform_output(m_at, m_stride, desc[FILTERS], table, bias, r_at, y_at, at)

    return winograd
