"""The kernel of 3x3 convolution with stride 1 by Winograd's minimal filtering.

A position is a tile of the output map in a block of images. For a unit of positions at a time::

    for position:    for c in C:        V[element][position][c] = B' d B        d: the tile's inputs, padding is 0
    for element:
        for position:    for MR filters:
            M[element][position][k] = sum over c of U[element][c][k] * V[element][position][c]
    for position:    for k in K:        y = f(A' M A + bias[k] + residual)      the only store of a result

The middle is the contraction kernel's register tile. U, the transformed filters, are packed
``[element][MR filters][C][MR]``. V and M are scratch of the thread. Every row of them holds a block's images.
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
from xdn.kernels.contract.batch_kernel import contract_channels
from xdn.kernels.core.epilogue import store_images
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.winograd.kernel import Filtering, Results, transforms
from xdn.kernels.winograd.transform import WINOGRAD, Winograd


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
    return kernel_source(name, lambda: _body(name, WINOGRAD[outputs]), Filtering)


def _emit_product(b: VectorBuilder, args: Sequence[ir.Value], rows: int, vectors: int) -> None:
    """M[k] = sum over c of U[c][k] * V[c] for `rows` filters."""
    v, weights, channels, m = args
    zeros = [b.number(0)] * (rows * vectors)
    acc = contract_channels(b, (v, weights, channels), (rows, vectors), zeros)
    for r in range(rows):
        for vector in range(vectors):
            b.store(acc[r * vectors + vector], b.offset(m, r * b.target.block_images), vector)


def _product(name: KernelName, filters: int) -> Any:
    """Return what the kernel calls for the products of `filters` filters."""
    assert name.tile is not None
    target, (_, vectors) = target_named(name.isa), name.tile

    @emitted(VOID, POINTER, POINTER, I64, POINTER)
    def product(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _emit_product(VectorBuilder(irbuilder, target), args, filters, vectors)

    return product


def _results(b: VectorBuilder, ends: Sequence[ir.Value], epilogue: tuple[str, ...]) -> Results:
    """Return what becomes of a channel's results."""
    bias, residual, y, at = ends

    def store(vectors: list[ir.Value], offset: ir.Value, k: ir.Value) -> None:
        store_images(b, [vectors], epilogue, b.offset(residual, offset), b.offset(y, offset), b.offset(at, k))

    return Results(lambda k: b.broadcast(b.scalar(bias, k)), store)


def _body(name: KernelName, algorithm: Winograd) -> KernelBody:
    """Return the loop nest, as Numba compiles it."""
    assert name.tile is not None
    (rows, _), images = name.tile, target_named(name.isa).block_images
    to_elements, to_results = transforms(name, algorithm, images, _results)
    full_product, small_product = _product(name, rows), _product(name, max(1, rows - 1))
    elements = algorithm.elements

    @jitable
    def multiply(d, frame, positions):
        """All products of some positions."""
        channels, full, small, rows = d.channels, d.full, d.small, d.full_size
        v_pitch, m_pitch = d.v_pitch, d.m_pitch
        for element in range(elements):
            weights = moved(d.weights, element * channels * d.y_rows)
            for position in range(positions):
                number = element * positions + position
                v, m = at_element(frame, d.v, number * v_pitch), at_element(frame, d.m, number * m_pitch)
                for t in range(full + small):
                    first = t * rows - max(0, t - full)
                    own, product = moved(weights, first * channels), moved(m, first * images)
                    if t < full:
                        full_product(v, own, channels, product)
                    else:
                        small_product(v, own, channels, product)

    def winograd(d, frame):
        blocks = frame.blocks
        total = d.tile_count * blocks
        for first in range(0, total, d.unit):
            positions = min(d.unit, total - first)
            for position in range(positions):
                number = first + position
                to_elements(d, frame, number % blocks, number // blocks, position, positions)
            multiply(d, frame, positions)
            for position in range(positions):
                number = first + position
                to_results(d, frame, number % blocks, number // blocks, position, positions)

    return winograd
