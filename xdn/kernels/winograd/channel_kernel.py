"""The kernel of Winograd's minimal filtering for one image: vectors of channels, and a contraction of tiles' values.

A position is a tile of an image's output map. For a unit of positions at a time::

    for position:    for vector of C:   V[element][position][vector] = B' d B   d: the tile's inputs, padding is 0
    for element:     for panel:         for MR positions:
        M[element][position][panel] = sum over c of U[element][c][panel] * V[element][position][c]
    for position:    for vector of K:   y = f(A' M A + bias + residual)         the only store of a result

The middle is the register tile of `xdn/kernels/contract/channel_kernel.py`. U, the transformed filters, are packed
``[element][panel][C][NV vectors]``. V and M are scratch that the threads which share the image have in common: they
meet after each of the three parts, and each has its share of the positions, of the elements and panels, and of the
positions again.
"""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, POINTER, VOID, emitted, jitable
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target, target_named
from xdn.kernels.contract.channel_kernel import contract_positions
from xdn.kernels.core.barrier import meet
from xdn.kernels.core.epilogue import store_channels
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.portion import portion
from xdn.kernels.winograd.kernel import Filtering, Results, transforms
from xdn.kernels.winograd.transform import WINOGRAD, Winograd


def winograd(outputs: int, tile: tuple[int, int], epilogue: tuple[str, ...], target: Target) -> KernelSource:
    """Return the kernel of F(`outputs` x `outputs`, 3 x 3).

    Parameters
    ----------
    outputs : int
        Rows and columns of results of a tile: a key of `WINOGRAD`.
    tile : (int, int)
        Positions (MR) and vectors of filters (NV) of a register tile.
    epilogue : tuple of str
        As `epilogue_parts` gives them.
    target : Target
    """
    name = KernelName(f"channel_winograd{outputs}", target.name, epilogue, tile)
    return kernel_source(name, lambda: _body(name, WINOGRAD[outputs]), Filtering)


def _emit_product(b: VectorBuilder, args: Sequence[ir.Value], rows: int, vectors: int) -> None:
    """M[position][panel] = sum over c of U[c][panel] * V[position][c]; positions after `last` are `last` again."""
    v, v_pitch, last, weights, channels, m, m_pitch = args
    numbers = [b.ir.select(b.ir.icmp_signed("<", b.const(r), last), b.const(r), last) for r in range(rows)]
    x = [b.offset(v, b.ir.mul(number, v_pitch)) for number in numbers]
    acc = contract_positions(b, x, weights, channels, [b.number(0)] * (rows * vectors))
    for r, number in enumerate(numbers):
        product = b.offset(m, b.ir.mul(number, m_pitch))
        for vector in range(vectors):
            b.store(acc[r * vectors + vector], product, vector)


def _product(name: KernelName, vectors: int) -> Any:
    """Return what the kernel calls for the products of a panel of so many vectors."""
    assert name.tile is not None
    target, (rows, _) = target_named(name.isa), name.tile

    @emitted(VOID, POINTER, I64, I64, POINTER, I64, POINTER, I64)
    def product(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _emit_product(VectorBuilder(irbuilder, target), args, rows, vectors)

    return product


def _results(b: VectorBuilder, ends: Sequence[ir.Value], epilogue: tuple[str, ...]) -> Results:
    """Return what becomes of the results of a vector of channels."""
    bias, residual, y, at = ends
    lanes = b.target.lanes

    def store(vectors: list[ir.Value], offset: ir.Value, k: ir.Value) -> None:
        coefficient = b.offset(at, b.ir.mul(k, b.const(lanes)))
        store_channels(b, [vectors], [offset], epilogue, residual, y, coefficient)

    return Results(lambda k: b.load(b.offset(bias, b.ir.mul(k, b.const(lanes)))), store)


def _body(name: KernelName, algorithm: Winograd) -> KernelBody:
    """Return the loop nest, as Numba compiles it."""
    assert name.tile is not None
    (_, vectors), lanes = name.tile, target_named(name.isa).lanes
    to_elements, to_results = transforms(name, algorithm, lanes, _results)
    full_product, small_product = _product(name, vectors), _product(name, max(1, vectors - 1))
    elements = algorithm.elements

    @jitable
    def share_to_elements(d, frame, first, positions):
        """V of the thread's share of positions."""
        begin, end = portion(frame, positions)
        for position in range(begin, end):
            number = first + position
            to_elements(d, frame, number // d.tile_count, number % d.tile_count, position, positions)

    @jitable
    def multiply(d, frame, positions):
        """M of the thread's share of elements and panels, for all positions."""
        channels, full, rows = d.channels, d.full, d.rows
        panels = full + d.small
        begin, end = portion(frame, elements * panels)
        for unit in range(begin, end):
            element, panel = unit // panels, unit % panels
            first = panel * d.full_size - max(0, panel - full)
            weights = moved(d.weights, (element * d.y_rows + first) * channels * lanes)
            for position in range(0, positions, rows):
                number, last = element * positions + position, min(rows, positions - position) - 1
                v = at_element(frame, d.v, number * d.v_pitch)
                m = at_element(frame, d.m, number * d.m_pitch + first * lanes)
                if panel < full:
                    full_product(v, d.v_pitch, last, weights, channels, m, d.m_pitch)
                else:
                    small_product(v, d.v_pitch, last, weights, channels, m, d.m_pitch)

    @jitable
    def share_to_results(d, frame, first, positions):
        """The results of the thread's share of positions."""
        begin, end = portion(frame, positions)
        for position in range(begin, end):
            number = first + position
            to_results(d, frame, number // d.tile_count, number % d.tile_count, position, positions)

    def winograd(d, frame):
        total = d.tile_count * frame.blocks
        for first in range(0, total, d.unit):
            positions = min(d.unit, total - first)
            share_to_elements(d, frame, first, positions)
            meet(frame)
            multiply(d, frame, positions)
            meet(frame)
            share_to_results(d, frame, first, positions)

    return winograd
