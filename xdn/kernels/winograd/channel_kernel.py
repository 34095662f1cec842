"""The kernel of Winograd's minimal filtering for one image: vectors of channels, places instead of positions.

A place is a tile of an image's output map. For `UNIT` places at a time::

    for place:       for vector of C:   V[element][place][vector] = B' d B     d: the tile's inputs, padding is 0
    for element:     for panel:         for MR places:
                         M[element][place][panel] = sum over c of U[element][c][panel] * V[element][place][c]
    for place:       for vector of K:   y = f(A' M A + bias + residual)         the only store of a result

The middle is the register tile of `xdn/kernels/contract/channel_kernel.py`. U, the transformed filters, are packed
``[element][panel][C][NV vectors]``. V and M are scratch that the threads which share the image have in common: they
meet after each of the three parts, and each has its share of the places, of the elements and panels, of the places.
"""

from collections.abc import Callable

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at, i64_at
from xdn.codegen.jit import F32_POINTER, I64, VOID, WORDS, emitted, jitable
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target, target_named
from xdn.kernels.contract.channel_kernel import contract_positions
from xdn.kernels.core.barrier import meet
from xdn.kernels.core.epilogue import store_channels
from xdn.kernels.core.layout import ARENA, BLOCKS, F32_BYTES, MEMBERS, TEAM
from xdn.kernels.core.portion import portion
from xdn.kernels.winograd.batch_kernel import Row, emit_input, emit_output
from xdn.kernels.winograd.transform import WINOGRAD, Winograd

# The descriptor.
X, Y, RESIDUAL, V, M = range(5)
#: Addresses of U, and of f32 for each filter: bias, the activation's coefficient. ZEROS: a position of zeros.
WEIGHTS, BIAS, COEFFICIENTS, ZEROS = range(5, 9)
#: Tables, a row a tile: places of its inputs (-1: padding) and of its results (-1: outside), in f32 of an image.
INPUTS, OUTPUTS, TILE_COUNT, UNIT = range(9, 13)
#: C; f32 from one position of x and y to the next.
CHANNELS, X_PITCH, Y_PITCH, X_BLOCK, Y_BLOCK = range(13, 18)
#: Panels of NV vectors; behind them those of one vector less.
FULL_PANELS, SMALL_PANELS = 18, 19
#: f32 from one place of V and of M to the next.
V_PLACE, M_PLACE = 20, 21
WORD_COUNT = 22


def winograd(outputs: int, tile: tuple[int, int], epilogue: tuple[str, ...], target: Target) -> KernelSource:
    """Return the kernel of F(`outputs` x `outputs`, 3 x 3).

    Parameters
    ----------
    outputs : int
        Rows and columns of results of a tile: a key of `WINOGRAD`.
    tile : (int, int)
        Places (MR) and vectors of filters (NV) of a register tile.
    epilogue : tuple of str
        As `epilogue_parts` gives them.
    target : Target
    """
    name = KernelName(f"channel_winograd{outputs}", target.name, epilogue, tile)
    return KernelSource(name, lambda: _body(name, WINOGRAD[outputs]))


def _emit_product(b: VectorBuilder, args: list[ir.Value], rows: int, vectors: int) -> None:
    """M[place][panel] = sum over c of U[c][panel] * V[place][c]; places behind `last` are `last` again."""
    v, v_place, last, weights, channels, m, m_place = args
    numbers = [b.ir.select(b.ir.icmp_signed("<", b.const(r), last), b.const(r), last) for r in range(rows)]
    x = [b.offset(v, b.ir.mul(number, v_place)) for number in numbers]
    acc = contract_positions(b, x, weights, channels, [b.number(0)] * (rows * vectors))
    for r, number in enumerate(numbers):
        target = b.offset(m, b.ir.mul(number, m_place))
        for vector in range(vectors):
            b.store(acc[r * vectors + vector], target, vector)


def _emit_output(b: VectorBuilder, args: list[ir.Value], algorithm: Winograd, epilogue: tuple[str, ...]) -> None:
    m, stride, rows, places, bias, residual, y, at = args
    lanes = b.target.lanes

    def store(vectors: list[ir.Value], to: ir.Value, k: ir.Value) -> None:
        coefficient = b.offset(at, b.ir.mul(k, b.const(lanes)))
        store_channels(b, [vectors], [to], epilogue, residual, y, coefficient)

    row = Row(lanes, 1, lambda k: b.load(b.offset(bias, b.ir.mul(k, b.const(lanes)))), store)
    emit_output(b, m, stride, rows, places, algorithm, row)


def _intrinsics(name: KernelName, algorithm: Winograd) -> tuple[Callable[..., None], ...]:
    """Return the intrinsics of the kernel: inputs, products of NV vectors and of one less, outputs."""
    target = target_named(name.isa)
    rows, vectors = name.tile

    @emitted(VOID, F32_POINTER, WORDS, F32_POINTER, I64, F32_POINTER, I64)
    def transform_input(irbuilder, *args):
        emit_input(VectorBuilder(irbuilder, target), args, algorithm, 1, target.lanes)

    def product_of(panel):
        @emitted(VOID, F32_POINTER, I64, I64, F32_POINTER, I64, F32_POINTER, I64)
        def product(irbuilder, *args):
            _emit_product(VectorBuilder(irbuilder, target), args, rows, panel)

        return product

    @emitted(VOID, F32_POINTER, I64, I64, WORDS, F32_POINTER, F32_POINTER, F32_POINTER, F32_POINTER)
    def transform_output(irbuilder, *args):
        _emit_output(VectorBuilder(irbuilder, target), args, algorithm, name.epilogue)

    return transform_input, product_of(vectors), product_of(max(1, vectors - 1)), transform_output


def _body(name: KernelName, algorithm: Winograd) -> KernelBody:
    """Return the loop nest, as Numba compiles it."""
    transform_input, full_product, small_product, transform_output = _intrinsics(name, algorithm)
    rows, vectors = name.tile
    lanes = target_named(name.isa).lanes
    elements, inputs, outputs = algorithm.elements, algorithm.inputs**2, algorithm.outputs**2

    @jitable
    def to_elements(desc, frame, first, places):
        """V of the thread's share of places and vectors of channels."""
        arena, count = frame[ARENA], desc[X_PITCH] // lanes
        begin, end = portion(frame, places)
        for place in range(begin, end):
            block, tile = (first + place) // desc[TILE_COUNT], (first + place) % desc[TILE_COUNT]
            transform_input(
                f32_at(arena + desc[X] + block * desc[X_BLOCK] * F32_BYTES),
                i64_at(desc[INPUTS] + tile * inputs * 8),
                f32_at(desc[ZEROS]),
                count,
                f32_at(arena + desc[V] + place * desc[V_PLACE] * F32_BYTES),
                places * desc[V_PLACE],
            )

    @jitable
    def multiply(desc, frame, places):
        """M of the thread's share of elements and panels, for all places."""
        arena, channels, full = frame[ARENA], desc[CHANNELS], desc[FULL_PANELS]
        panels = full + desc[SMALL_PANELS]
        all_vectors = full * vectors + desc[SMALL_PANELS] * (vectors - 1)
        begin, end = portion(frame, elements * panels)
        for unit in range(begin, end):
            element, panel = unit // panels, unit % panels
            first = panel * vectors - max(0, panel - full)
            weights = f32_at(desc[WEIGHTS] + (element * all_vectors + first) * channels * lanes * F32_BYTES)
            for place in range(0, places, rows):
                at, last = element * places + place, min(rows, places - place) - 1
                v = f32_at(arena + desc[V] + at * desc[V_PLACE] * F32_BYTES)
                m = f32_at(arena + desc[M] + (at * desc[M_PLACE] + first * lanes) * F32_BYTES)
                if panel < full:
                    full_product(v, desc[V_PLACE], last, weights, channels, m, desc[M_PLACE])
                else:
                    small_product(v, desc[V_PLACE], last, weights, channels, m, desc[M_PLACE])

    @jitable
    def to_results(desc, frame, first, places):
        """The results of the thread's share of places."""
        arena, count = frame[ARENA], desc[Y_PITCH] // lanes
        begin, end = portion(frame, places)
        for place in range(begin, end):
            block, tile = (first + place) // desc[TILE_COUNT], (first + place) % desc[TILE_COUNT]
            shift = arena + block * desc[Y_BLOCK] * F32_BYTES
            transform_output(
                f32_at(arena + desc[M] + place * desc[M_PLACE] * F32_BYTES),
                places * desc[M_PLACE],
                count,
                i64_at(desc[OUTPUTS] + tile * outputs * 8),
                f32_at(desc[BIAS]),
                f32_at(shift + desc[RESIDUAL]),
                f32_at(shift + desc[Y]),
                f32_at(desc[COEFFICIENTS]),
            )

    def winograd(desc, frame):
        total, members, team = desc[TILE_COUNT] * frame[BLOCKS], frame[MEMBERS], i64_at(frame[TEAM])
        for first in range(0, total, desc[UNIT]):
            places = min(desc[UNIT], total - first)
            to_elements(desc, frame, first, places)
            if members > 1:
                meet(team, members)
            multiply(desc, frame, places)
            if members > 1:
                meet(team, members)
            to_results(desc, frame, first, places)

    return winograd
