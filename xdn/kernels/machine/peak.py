"""What the processor's arithmetic can reach at most: multiply-adds that touch registers alone, and a tile's own loop.

With A accumulators, each a vector::

    acc[a] = start[a]
    for step in range(steps):
        acc[a] = acc[a] * factor + addend              a < A, independent of each other

A multiply-add takes a few cycles, and a processor begins one or two in each: with enough independent chains it never
waits. A factor below 1 leads every chain to addend / (1 - factor), so that no value overflows or becomes denormal.
Different starts keep a compiler from computing one chain for all.

A contraction's loop also loads its operands. What that reaches where the core's first cache holds them, `tile_loop`, is
what kernels can reach at most::

    for step in range(steps):
        acc[r][v] = acc[r][v] + scalar[r][step % around] * vector[step % around][v]
"""

from collections.abc import Sequence

import numpy as np
from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.source import KernelSource
from xdn.codegen.target import Target
from xdn.element import real
from xdn.graph import Array
from xdn.kernels.contract.kernel import add_channels
from xdn.kernels.contract.work import tiles_of
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.machine.probe import number_within, probe

#: Values before the accumulators' starts: factor and addend.
FIRST_START = 2
#: Channels of a tile's operands that are held: a power of two; vectors of four registers of 64 bytes take 8 KiB.
TILE_CHANNELS = 32


def accumulators(target: Target) -> int:
    """Return the number of independent chains: three quarters of the registers, which hides the latency everywhere."""
    return target.registers * 3 // 4


def step_flops(target: Target) -> int:
    """Return the floating-point operations of one step of the loop; a multiply-add counts as two."""
    return 2 * accumulators(target) * target.lanes


def chain_operands(target: Target) -> Array:
    """Return the operands of `peak`: factor, addend, then the start of each chain, which ends at 1."""
    return np.array([0.5, 0.5, *np.linspace(1, 2, accumulators(target))], real)


def peak(target: Target) -> KernelSource:
    """Return the kernel of the chains."""
    return probe("peak", target, _emit_chains)


def _emit_chains(b: VectorBuilder, values: ir.Value, steps: ir.Value, around: ir.Value) -> Sequence[ir.Value]:
    factor, addend = b.broadcast(b.scalar(values, 0)), b.broadcast(b.scalar(values, 1))
    starts = [b.broadcast(b.scalar(values, FIRST_START + a)) for a in range(accumulators(b.target))]
    return b.loop(b.const(0), steps, starts, lambda step, acc: [b.fma(a, factor, addend) for a in acc])


def best_tile(target: Target) -> tuple[int, int]:
    """Return the register tile (rows, vectors) with the fewest loads for each multiply-add."""
    return min(tiles_of(target), key=lambda tile: (sum(tile) / (tile[0] * tile[1]), tile))


def tile_step_macs(target: Target) -> int:
    """Return the multiply-adds of one step of `tile_loop`."""
    rows, vectors = best_tile(target)
    return rows * vectors * target.lanes


def tile_operands(target: Target) -> Array:
    """Return the operands of `tile_loop`: vectors of all channels, then each row's scalars; zeros."""
    rows, vectors = best_tile(target)
    return aligned_vectors(np.empty(0), TILE_CHANNELS * (vectors * target.lanes + rows))


def tile_loop(target: Target) -> KernelSource:
    """Return the kernel of the best tile's loop, whose operands are `tile_operands`, read around `TILE_CHANNELS`."""
    return probe("tile", target, _emit_tile)


def _emit_tile(b: VectorBuilder, values: ir.Value, steps: ir.Value, around: ir.Value) -> Sequence[ir.Value]:
    rows, vectors = best_tile(b.target)
    columns = vectors * b.target.lanes
    scalars = [b.offset(values, TILE_CHANNELS * (columns + r)) for r in range(rows)]

    def of_channel(step: ir.Value) -> tuple[list[ir.Value], list[ir.Value]]:
        c = number_within(b, step, around)
        own = b.offset(values, b.ir.mul(c, b.const(columns)))
        return [b.load(own, v) for v in range(vectors)], [b.scalar(row, c) for row in scalars]

    return add_channels(b, steps, [b.number(0)] * (rows * vectors), of_channel)
