"""InnerProduct over later axes than the channels: a matrix of weights times one of positions, row by row.

A row is what one position has: the channels of an image, such as all steps of a sequence, and in the batch schedule
those of all images of a block. For each group of positions that is summed over::

    for panel, tile:                                       a panel: NV vectors of a row; a tile: MR filters
        acc[r][v] = bias[r]
        for i in range(inputs):
            acc[r][v] += w[i][r] * x[i][v]                 one fused multiply-add
        acc[r][v] += residual[r][v]                        epilogue "sum"
        y[r][v] = f(acc[r][v])                             epilogue "relu", "sigmoid", ...

The scalars are weights. Filters are spread evenly over tiles: the first ones have MR, the others one less; weights are
packed ``[tile][inputs][MR]``.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, POINTER, VOID, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody
from xdn.codegen.target import target_named
from xdn.element import REAL, real
from xdn.graph import Array
from xdn.kernels.contract.kernel import add_channels
from xdn.kernels.contract.task import spread
from xdn.kernels.contract.work import tile_cycles
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.descriptor import Size
from xdn.kernels.core.epilogue import SUM, Fused, activation_of, coefficients, epilogue_parts
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.packing import packed_once
from xdn.kernels.core.portion import portion
from xdn.kernels.core.work import Phase, Weights


class RowProduct(Fused):
    """Weights packed by tiles; `row` elements of a position.

    large, tiles, panels
        Tiles with as many filters as the kernel's, all tiles, and parts of a row.
    groups, inputs, filters
        Groups of positions of a block, positions of each that are summed over, and that come of them.
    """

    large, tiles, panels, groups, inputs, filters, row = (Size() for _ in range(7))


def _tile_of(rows: int, name: KernelName) -> Any:
    """Return what computes a tile of so many filters and the kernel's vectors."""
    assert name.tile is not None
    vectors, target = name.tile[1], target_named(name.isa)

    @emitted(VOID, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, I64, I64)
    def tile(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        b = VectorBuilder(irbuilder, target)
        x, weights, bias, residual, y, coefficient, inputs, row = args

        def operands(i: ir.Value) -> tuple[list[ir.Value], Sequence[ir.Value]]:
            at, scalars = b.offset(x, b.ir.mul(i, row)), b.offset(weights, b.ir.mul(i, b.const(rows)))
            return [b.load(at, v) for v in range(vectors)], [b.scalar(scalars, r) for r in range(rows)]

        acc = [b.broadcast(b.scalar(bias, r)) for r in range(rows) for _ in range(vectors)]
        activation, constant = activation_of(name.epilogue), b.broadcast(b.scalar(coefficient))
        for number, value in enumerate(add_channels(b, inputs, acc, operands)):
            r, v = divmod(number, vectors)
            begin = b.ir.mul(row, b.const(r))
            if SUM in name.epilogue:
                value = b.add(value, b.load(b.offset(residual, begin), v))
            if activation:
                value = activation.emit(b, value, constant)
            b.store(value, b.offset(y, begin), v)

    return tile


def _body(name: KernelName) -> KernelBody:
    """Return the loops around the tiles, as Numba compiles them."""
    assert name.tile is not None
    rows, vectors = name.tile
    large, small = _tile_of(rows, name), _tile_of(max(1, rows - 1), name)
    width = vectors * target_named(name.isa).lanes

    def product(d, frame):
        tiles, panels, row, inputs = d.tiles, d.panels, d.row, d.inputs
        first, end = portion(frame, frame.blocks * d.groups * panels * tiles)
        for unit in range(first, end):
            part = unit // tiles
            tile, group = unit - part * tiles, part // panels
            column = (part - group * panels) * width
            # The first `large` tiles have one filter more than the others.
            filter = tile * (rows - 1) + min(tile, d.large)
            y_at = (group * d.filters + filter) * row + column
            x = at_element(frame, d.x, group * inputs * row + column)
            weights, bias = moved(d.weights, filter * inputs), moved(d.bias, filter)
            residual, y = at_element(frame, d.residual, y_at), at_element(frame, d.y, y_at)
            if tile < d.large:
                large(x, weights, bias, residual, y, d.coefficients, inputs, row)
            else:
                small(x, weights, bias, residual, y, d.coefficients, inputs, row)

    return product


@packed_once
def _packed(filters: Array, sizes: Sequence[int]) -> Array:
    """Return rows (K, I) as ``[tile][I][filters of the tile]``, flat."""
    parts = np.split(filters, np.cumsum(sizes)[:-1])
    return aligned_vectors(np.concatenate([part.T.ravel() for part in parts]).astype(real))


def _tiling(lowering: Lowering) -> tuple[list[int], int]:
    """Return how many filters each tile has, and the vectors of a panel, of which a row has a whole number."""
    target, top = lowering.target, lowering.top()
    vectors = 2 if top.position_elements // target.lanes % 2 == 0 else 1
    return spread(lowering.params.num_output, (target.registers - vectors - 2) // vectors), vectors


def _takes(lowering: Lowering) -> bool:
    """Return whether the channels stay, and fill vectors better than not; whether their coefficients are one."""
    layer, bottom = lowering.layer, lowering.bottoms[0]
    if bottom.axis(lowering.params.axis) < 2 or layer.projection is not None or lowering.weights != REAL:
        return False
    activation = activation_of(epilogue_parts(layer))
    return 2 * bottom.shape[1] > lowering.target.lanes and not (activation and activation.per_channel)


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what all tiles take."""
    sizes, vectors = _tiling(lowering)
    inputs, top = lowering.params.products(lowering.bottoms), lowering.top()
    panels = top.block_elements // (lowering.params.num_output * vectors * top.lanes)
    cycles = panels * sum(tile_cycles(lowering.target, rows, vectors, inputs) for rows in sizes)
    weight_bytes = float(sum(sizes) * inputs * REAL.bytes)
    return (Phase(cycles, (lowering.read, lowering.written, Weights(weight_bytes)), panels * len(sizes)),)


@family("row_product", "InnerProduct", when=_takes, fuses=True, schedules=BOTH, phases=_phases)
def lower_rows(lowering: Lowering) -> Lowered:
    """Sum over later axes than the channels, row by row."""
    layer, params, top = lowering.layer, lowering.params, lowering.top()
    (sizes, vectors), inputs = _tiling(lowering), params.products(lowering.bottoms)
    words = lowering.words(
        RowProduct,
        residual=layer.residual,
        weights=_packed(np.ascontiguousarray(params.filters(layer.weights["weight"])), sizes),
        bias=aligned_vectors(layer.weights.get("bias", np.zeros(params.num_output, real))),
        coefficients=coefficients(layer, 1),
        large=sizes.count(sizes[0]),
        tiles=len(sizes),
        panels=top.position_elements // (vectors * top.lanes),
        groups=top.positions // params.num_output,
        inputs=inputs,
        filters=params.num_output,
        row=top.position_elements,
    )
    name = KernelName("row_product", lowering.target.name, epilogue_parts(layer), (sizes[0], vectors))
    step = Step(
        kernel_source(name, lambda: _body(name), RowProduct), words, macs=inputs * prod(lowering.tops[0].shape[1:])
    )
    return Lowered([step], in_place=lowering.over_residual())
