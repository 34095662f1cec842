"""Convolution and InnerProduct as contractions: tables of tiles, positions and taps, packed weights."""

from collections.abc import Mapping, Sequence

import numpy as np

from xdn.element import REAL, Element, real
from xdn.graph import Array
from xdn.kernels.contract.batch_kernel import BatchContract, contraction, words_of
from xdn.kernels.contract.kernel import source_words
from xdn.kernels.contract.task import (
    Contraction,
    can_be_contracted,
    contraction_footprint,
    contraction_task,
    require_range,
    spread,
    used_elements,
)
from xdn.kernels.contract.work import Depth, Sums, tile_group
from xdn.kernels.core.choice import DIRECT, Choice
from xdn.kernels.core.epilogue import epilogue_parts, fused_reads, fused_words
from xdn.kernels.core.family import Lowered, Lowering, Reach, Rows, Step, family
from xdn.kernels.core.packing import packed_once
from xdn.kernels.core.work import Phase
from xdn.layers.window import Window


def most_rows(lowering: Lowering) -> int:
    """Return the filters of a register tile of the batch schedule at most."""
    chosen = lowering.choice.tile
    return chosen[0] if chosen else lowering.target.tile()[0]


def batch_tiles(filters: int, lowering: Lowering) -> list[tuple[int, int]]:
    """Return the register tiles of the batch schedule that cut `filters` differently."""
    most, vectors = lowering.target.tile()
    return [(rows, vectors) for rows in dict.fromkeys(spread(filters, rows)[0] for rows in range(1, most + 1))]


def _direct_choices(lowering: Lowering) -> list[Choice]:
    """Return the choices of the direct sums: how many filters a register tile has."""
    group = getattr(lowering.layer.params, "group", 1)
    return [Choice(DIRECT, tile) for tile in batch_tiles(lowering.top().channels // group, lowering)]


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what all tiles take."""
    task = contraction_task(lowering)
    sizes = spread(task.filters, most_rows(lowering)) * task.groups
    counts = zip(*np.unique(task.products, return_counts=True), strict=True)
    depths = tuple(Depth(int(positions), float(products)) for products, positions in counts)
    blobs, x_bytes = (lowering.read, lowering.written), lowering.bottom().block_bytes / task.groups
    return (Sums(lowering.target, depths, x_bytes, blobs).by_images(sizes),)


@family(
    "contract",
    "Convolution",
    "Deconvolution",
    "InnerProduct",
    when=can_be_contracted,
    fuses=True,
    choices=_direct_choices,
    footprint=contraction_footprint,
    phases=_phases,
)
def lower_contraction(lowering: Lowering) -> Lowered:
    """Contract taps and input channels; of an InnerProduct, whose taps are the positions of the bottom, all of them.

    One step for each number of rows that the tiles have.
    """
    require_range(lowering)
    return Lowered(direct_steps(lowering, contraction_task(lowering)), in_place=lowering.over_residual())


def direct_steps(lowering: Lowering, task: Contraction, begin: int = 0) -> list[Step]:
    """Return the steps for the filters of each group from `begin` on."""
    sizes = spread(task.filters - begin, most_rows(lowering))
    steps = []
    for rows in dict.fromkeys(sizes):
        starts = [begin + sum(sizes[:i]) for i, size in enumerate(sizes) if size == rows]
        steps.append(_step(lowering, task, rows, starts))
    return steps


def _step(lowering: Lowering, task: Contraction, rows: int, starts: list[int]) -> Step:
    """Return the step for the tiles of `rows` filters that begin at `starts` in each group."""
    epilogue = epilogue_parts(lowering.layer)
    firsts = [(g, g * task.filters + start) for g in range(task.groups) for start in starts]
    filters, stored = [first for _, first in firsts], lowering.weights
    packed = [pack_weights(s.weight, s.lists.used, filters, rows, stored) for s in task.sources]
    tiles = _tiles(lowering, task, firsts, packed)
    # The output's offset stands once, in the first source's columns.
    own, *other = task.sources
    positions = np.hstack([own.positions, *(source.positions[:, :3] for source in other)])
    words = words_of(epilogue, stored)(
        **source_words(task, packed) | fused_words(lowering, task.bias),
        tiles=tiles,
        tile_count=len(tiles),
        tile_group=tile_group(len(tiles), sum(weights.nbytes for weights in packed), lowering.target),
        positions=positions,
        position_count=len(positions),
    )
    macs = task.filter_macs * rows * len(tiles)
    kernel = contraction(rows, epilogue, lowering.target, stored)
    windows = [source.window for source in task.sources]
    return Step(kernel, words, macs, rows_of_positions(lowering, BatchContract.slots, windows, positions))


def rows_of_positions(
    lowering: Lowering, slots: Mapping[str, int], windows: Sequence[Window], positions: Array
) -> Rows | None:
    """Return how a step is run for some rows of the map; of a transposed window what these need is not evenly apart.

    Parameters
    ----------
    lowering : Lowering
    slots : mapping
        Of the step's words, by their names in `BatchContract`.
    windows : sequence of Window
        Of the bottom, and of the second source.
    positions : array
        The table of positions, row by row of the map.
    """
    (own, *other), top = windows, lowering.top()
    if own.transposed:
        return None
    reads = fused_reads(lowering, own)
    if other:
        reads[slots["x2"]] = Reach.of(other[0])
    tables = {slots["positions"]: top.width * positions[0].nbytes}
    return Rows(top.height, 1, tables, slots["position_count"], top.width, reads, slots["y"])


def _tiles(lowering: Lowering, task: Contraction, firsts: list[tuple[int, int]], packed: Sequence[Array]) -> Array:
    """Return the kernel's table of tiles, a row for each (group, first filter) in `firsts`."""
    group_elements = task.sources[0].channels * lowering.target.block_images
    rows = []
    for i, (g, first) in enumerate(firsts):
        own, *other = (i * weights[0].size for weights in packed)
        rows.append((g * group_elements, own, first, *other))
    return np.array(rows, np.int64)


@packed_once
def pack_weights(weight: Array, used: Array, firsts: list[int], rows: int, stored: Element = REAL) -> Array:
    """Return (tiles, taps, C/G, rows), `stored` so: the filters first..first+rows of each tile at the used taps."""
    taps = used_elements(weight, used)
    packed = np.empty((len(firsts), taps.shape[2], taps.shape[1], rows), real)
    for tile, first in zip(packed, firsts, strict=True):
        tile[...] = taps[first : first + rows].transpose(2, 1, 0)
    return stored.stored(packed)
