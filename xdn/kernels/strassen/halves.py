"""Which positions, channels and filters are halves, and what the kernels are told of them.

A position of one half goes with the one below it, in the last of an odd number of rows with the one half a row further;
the last one of these may go with zeros. Halves of channels and filters are multiples of `GRAIN`. What is left of the
channels follows on the products' chains, and what is left of the filters is computed by direct sums.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from xdn.element import REAL, S64
from xdn.graph import Array
from xdn.kernels.contract.task import Contraction
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.choice import RULE
from xdn.kernels.core.epilogue import fused_reads, fused_words
from xdn.kernels.core.family import Lowering, Rows, Step
from xdn.kernels.core.rows import row_elements
from xdn.kernels.core.tables import shared
from xdn.kernels.strassen.kernel import Halving, PairRow
from xdn.kernels.strassen.products import depth

#: Channels and filters of a half are a multiple of this, whole vectors on every processor: all agree on the halves.
GRAIN = 16
#: (lowering, task, first filter) -> the steps of direct sums, of one of the schedules.
DirectSteps = Callable[[Lowering, Contraction, int], list[Step]]


@dataclass(frozen=True)
class Halves:
    """A pointwise convolution of one image in halves.

    Parameters
    ----------
    positions, channels, filters : int
        In all.
    """

    positions: int
    channels: int
    filters: int

    @property
    def pairs(self) -> int:
        """Pairs of positions."""
        return -(-self.positions // 2)

    @property
    def half(self) -> int:
        """Channels of a half."""
        return self.channels // (2 * GRAIN) * GRAIN

    @property
    def rest(self) -> int:
        """Channels that are in neither half."""
        return self.channels - 2 * self.half

    @property
    def half_filters(self) -> int:
        """Filters of a half."""
        return self.filters // (2 * GRAIN) * GRAIN

    @property
    def rest_filters(self) -> int:
        """Filters that are in neither half."""
        return self.filters - 2 * self.half_filters

    @property
    def product_macs(self) -> int:
        """Multiply-adds of the 7 products."""
        return self.pairs * self.half_filters * depth(self.half, self.rest)


@dataclass(frozen=True)
class Unit:
    """Pairs of positions that are computed at a time, so that their sums stay in the core's cache.

    Parameters
    ----------
    pairs : int
    half_rows, rest_rows : int
        Rows of the arena that channels of a half, and the rest, take.
    pitch : int
        f32 from the sums of one pair to those of the next.
    """

    pairs: int
    half_rows: int
    rest_rows: int
    pitch: int

    @staticmethod
    def of(lowering: Lowering, least: int = 1) -> "Unit":
        """Return the unit whose sums take half of the cache, of `least` pairs at least; a large map has even ones."""
        halves, row = halves_of(lowering), row_elements(lowering.target, lowering.schedule)
        in_row = max(1, row // lowering.bottom().images)
        half_rows, rest_rows = halves.half // in_row, -(-halves.rest // in_row)
        # One row more: distances that are powers of two would all fall into one set of a cache.
        pitch = (4 * half_rows + 2 * rest_rows + 1) * row
        fitting = max(least, lowering.target.core_cache_bytes // 2 // (pitch * REAL.bytes))
        units = -(-halves.pairs // fitting)
        pairs = fitting if units == 1 else -(-halves.pairs // units)
        return Unit(pairs, half_rows, rest_rows, pitch)


def halving(lowering: Lowering, task: Contraction, unit: Unit, weights: Array, sizes: list[int], **own: int) -> Halving:
    """Return what a kernel is told.

    Parameters
    ----------
    lowering : Lowering
    task : Contraction
        The layer's.
    unit : Unit
    weights : array
        Packed.
    sizes : list of int
        Of the register tiles (batch schedule) or panels (channel schedule), the larger ones first.
    own
        What only one schedule's kernel is told.
    """
    halves = halves_of(lowering)
    pairs = pair_table(task.sources[0].positions, lowering.top().width)
    return Halving(
        weights=weights,
        **fused_words(lowering, task.bias),
        sums=unit.pairs * unit.pitch,
        places=unit.pairs * PairRow.size,
        sums_pitch=unit.pitch,
        pairs=pairs,
        pair_count=len(pairs),
        unit=unit.pairs,
        zeros=aligned_vectors(np.empty(0), lowering.bottom().position_elements),
        half=halves.half,
        rest=halves.rest,
        half_rows=unit.half_rows,
        rest_rows=unit.rest_rows,
        filters=halves.half_filters,
        full=sizes.count(sizes[0]),
        small=len(sizes) - sizes.count(sizes[0]),
        full_size=sizes[0],
        **own,
    )


def halves_of(lowering: Lowering) -> Halves:
    """Return the halves of a layer."""
    bottom, top = lowering.bottom(), lowering.top()
    return Halves(top.positions, bottom.channels, top.channels)


@shared
def pair_table(positions: Array, width: int) -> Array:
    """Return the table of pairs, rows of `PairRow`.

    Neighbouring pairs read neighbouring positions, and two rows of the top are pairs among themselves.

    Parameters
    ----------
    positions : (P*Q, 4) int64
        As `TapLists.in_runs` gives them, of windows that have one element.
    width : int
        Q.
    """
    offsets = positions[:, [0, 3]]
    both, rest = np.split(offsets, [len(offsets) // (2 * width) * 2 * width])
    if len(rest) % 2:
        rest = np.append(rest, [[-1, -1]], axis=0)
    first, second = np.split(both.reshape(-1, 2, width, 2), 2, axis=1)
    halves = zip((first.reshape(-1, 2), second.reshape(-1, 2)), np.split(rest, 2), strict=True)
    top, bottom = (np.concatenate(parts) for parts in halves)
    return np.column_stack([top[:, 0], bottom[:, 0], top[:, 1], bottom[:, 1]])


def rest_steps(lowering: Lowering, task: Contraction, direct_steps: DirectSteps) -> list[Step]:
    """Return the steps of direct sums for the filters that are in neither half."""
    halves = halves_of(lowering)
    return direct_steps(replace(lowering, choice=RULE), task, 2 * halves.half_filters) if halves.rest_filters else []


def halving_rows(lowering: Lowering, task: Contraction) -> Rows | None:
    """Return how the step is run for some rows of the map, two at a time; None for an odd number of rows."""
    top = lowering.top()
    if top.height % 2:
        return None
    tables = {Halving.pairs.slot: top.width * PairRow.size * S64.bytes}
    reads = fused_reads(lowering, task.sources[0].window)
    return Rows(top.height, 2, tables, Halving.pair_count.slot, top.width, reads, Halving.y.slot)
