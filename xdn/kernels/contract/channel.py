"""Convolution and InnerProduct of one image: tiles of positions, panels of filters, packed weights."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xdn.codegen.target import Target
from xdn.element import REAL, Element, real
from xdn.graph import Array
from xdn.kernels.contract.channel_kernel import ChannelContract, contraction
from xdn.kernels.contract.kernel import source_words, storing
from xdn.kernels.contract.task import (
    Contraction,
    can_be_contracted,
    contraction_footprint,
    contraction_task,
    require_range,
    source_of,
    spread,
    used_elements,
)
from xdn.kernels.contract.tiles import class_tiles, position_classes
from xdn.kernels.core.aligned import aligned, aligned_vectors
from xdn.kernels.core.choice import DIRECT, ORDERS, PANELS, TILES, Choice
from xdn.kernels.core.epilogue import epilogue_parts, fused_words
from xdn.kernels.core.family import Lowered, Lowering, Step, family, packed_weights
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.packing import packed_once
from xdn.kernels.core.tables import shared

#: Scalars' addresses that fit into a processor's general registers beside the loop's own.
_MOST_ROWS = 12
#: Vectors of a panel at most: enough chains for one position alone to keep the multipliers busy.
_MOST_VECTORS = 8
#: Cycles of a multiply-add until its result can be added to; what a processor multiplies, and loads, in a cycle.
_LATENCY, _MULTIPLIED, _LOADED = 4.0, 2.0, 2.0
#: Cycles for the loop itself, and bytes in a cycle from the core's own cache, and from beyond it.
_LOOP, _CACHE_BYTES, _OUTER_BYTES = 0.5, 32.0, 10.0
#: How much longer panels of two sizes may not take: they are two kernels to compile, and two steps.
_TWO_SIZES = 1.03


@dataclass(frozen=True)
class Panel:
    """Filters whose sums stand side by side in vectors.

    Parameters
    ----------
    channel : int
        The first channel that they read.
    first, end : int
        The first filter, and the one after the last.
    """

    channel: int
    first: int
    end: int


def tile_choices(filters: int, classes: Sequence[int], target: Target) -> list[tuple[int, int]]:
    """Return the register tiles that cut filters and positions differently.

    Parameters
    ----------
    filters : int
    classes : sequence of int
        How many positions share each tap list.
    target : Target
    """
    columns = -(-filters // target.lanes)
    found: dict[tuple[int, int], None] = {}
    for most, vectors in tiles_of(target):
        if vectors == spread(columns, vectors)[0]:
            # Of the tiles that are as many, those with the fewest rows compute the fewest positions twice.
            cuts = {tuple(-(-count // rows) for count in classes): rows for rows in range(most, 0, -1)}
            found |= dict.fromkeys((rows, vectors) for rows in cuts.values())
    return list(found)


def _direct_choices(lowering: Lowering) -> list[Choice]:
    """Return the choices of the direct sums: register tile, and order of the loops where there are two."""
    lanes, task = lowering.target.lanes, contraction_task(lowering)
    classes = [len(c) for c in position_classes([source.positions for source in task.sources])]
    across = task.groups > 1 and task.filters % lanes
    tiles = tile_choices(lanes if across else task.filters, classes, lowering.target)
    orders = ORDERS if sum(classes) > 1 and lowering.top().channels > lanes else (PANELS,)
    return [Choice(DIRECT, tile, order) for tile in tiles for order in orders]


def _footprint(lowering: Lowering) -> Footprint:
    """Return what the packed weights and tables take; a vector across groups holds zeros for those of the others."""
    groups, lanes = getattr(lowering.layer.params, "group", 1), lowering.target.lanes
    filters = lowering.top().channels // groups
    touched = 1 if filters % lanes == 0 else min(groups, lanes // filters + 2)
    return contraction_footprint(lowering) + packed_weights(lowering) * (touched - 1)


@family(
    "channel_contract",
    "Convolution",
    "Deconvolution",
    "InnerProduct",
    when=can_be_contracted,
    fuses=True,
    schedules=(CHANNEL,),
    scalars=True,
    choices=_direct_choices,
    footprint=_footprint,
)
def lower_contraction(lowering: Lowering) -> Lowered:
    """Contract taps and input channels for several positions at a time; an InnerProduct is a matrix times a vector."""
    task = contraction_task(lowering)
    whole = task.groups == 1 or task.filters % lowering.target.lanes == 0
    return _lower(lowering, task) if whole else _lower_across_groups(lowering, task)


def _lower(lowering: Lowering, task: Contraction) -> Lowered:
    """Return one step for each number of vectors that the panels have; each panel is a part of one group."""
    require_range(lowering)
    return Lowered(direct_steps(lowering, task), in_place=lowering.over_residual())


def direct_steps(lowering: Lowering, task: Contraction, begin: int = 0) -> list[Step]:
    """Return the steps for the filters of each group from `begin` on, whose number fills vectors."""
    classes = position_classes([source.positions for source in task.sources])
    depth = sum(len(source.lists.used) * source.channels for source in task.sources)
    lanes, filters, channels = lowering.target.lanes, task.filters, task.sources[0].channels
    own = filters - begin
    rows, vectors = lowering.choice.tile or best_tile(own, [len(c) for c in classes], lowering.target, depth)
    sizes = spread(-(-own // lanes), vectors)
    steps = []
    for size in dict.fromkeys(sizes):
        starts = [begin + sum(sizes[:i]) * lanes for i, each in enumerate(sizes) if each == size]
        panels = [
            Panel(g * channels, g * filters + start, g * filters + min(start + size * lanes, filters))
            for g in range(task.groups)
            for start in starts
        ]
        steps.append(_step(lowering, task, classes, (rows, size), panels))
    return steps


def _lower_across_groups(lowering: Lowering, task: Contraction) -> Lowered:
    """Return one step whose panels are single vectors of filters, wherever groups begin and end.

    A panel reads the channels of all groups that it touches, and a filter's weights for those of other groups are
    zeros: vectors stay full, which they would not in panels of one group each.
    """
    require_range(lowering)
    (source,), lanes = task.sources, lowering.target.lanes
    filters, channels, all_filters = task.filters, source.channels, task.filters * task.groups
    ranges = [(first, min(first + lanes, all_filters)) for first in range(0, all_filters, lanes)]
    touched = max((end - 1) // filters - first // filters + 1 for first, end in ranges)
    # All panels read as many groups; the last ones begin early enough for that.
    begins = [min(first // filters, task.groups - touched) for first, _ in ranges]
    weight = np.zeros((all_filters, touched, *source.weight.shape[1:]), real)
    for (first, end), begin in zip(ranges, begins, strict=True):
        own = np.arange(first, end)
        weight[own, own // filters - begin] = source.weight[first:end]
    wide = weight.reshape(all_filters, touched * channels, *source.weight.shape[2:])
    wide_source = source_of(source.blob, source.layout, lowering.top(), wide, source.window, source.lists)
    wide_task = Contraction((wide_source,), task.biases)
    classes = position_classes([source.positions])
    rows, _ = lowering.choice.tile or best_tile(lanes, [len(c) for c in classes], lowering.target)
    panels = [Panel(begin * channels, *own) for begin, own in zip(begins, ranges, strict=True)]
    step = _step(lowering, wide_task, classes, (rows, 1), panels)
    macs = source.lists.multiplications * channels * all_filters
    return Lowered([replace(step, macs=macs)], in_place=lowering.over_residual())


def tiles_of(target: Target) -> Iterator[tuple[int, int]]:
    """Return the tiles (MR, NV) whose accumulators, with a panel's weights and a scalar, fill the registers."""
    for vectors in range(1, _MOST_VECTORS + 1):
        rows = min(_MOST_ROWS, (target.registers - vectors - 1) // vectors)
        if rows:
            yield rows, vectors


@shared
def best_tile(
    filters: int, classes: Sequence[int], target: Target, depth: int = 0, most_rows: int = _MOST_ROWS
) -> tuple[int, int]:
    """Return the tile (MR, NV) that should take the fewest cycles.

    Parameters
    ----------
    filters : int
    classes : sequence of int
        How many positions share each tap list.
    target : Target
    depth : int
        Weights of a filter: all tiles but the first find those of a panel in the core's cache, if that holds so many.
    most_rows : int
        MR at most.
    """
    vector_bytes = target.lanes * REAL.bytes

    def cycles(tile: tuple[int, int]) -> float:
        rows, most = tile
        tiles, panels = sum(-(-count // rows) for count in classes), spread(-(-filters // target.lanes), most)
        total = 0.0
        for v in panels:
            own = max(rows * v / _MULTIPLIED, (rows + v) / _LOADED, _LATENCY, v * vector_bytes / _CACHE_BYTES)
            held = depth * v * vector_bytes <= target.core_cache_bytes
            again = own if held else max(own, v * vector_bytes / _OUTER_BYTES)
            total += own + (tiles - 1) * again + tiles * _LOOP
        return total * (_TWO_SIZES if panels[0] != panels[-1] else 1.0)

    candidates = [(rows, v) for most, v in tiles_of(target) for rows in range(1, min(most, most_rows) + 1)]
    return min(candidates, key=lambda tile: (cycles(tile), tile))


def _step(
    lowering: Lowering, task: Contraction, classes: Sequence[Array], tile: tuple[int, int], panels: list[Panel]
) -> Step:
    """Return the step for panels of one size."""
    rows, vectors = tile
    spans = [(panel.first, panel.end) for panel in panels]
    filters, stored = vectors * lowering.target.lanes, lowering.weights
    packed = [pack_panels(s.weight, s.lists.used, spans, filters, stored) for s in task.sources]
    table = _panel_table(panels, packed)
    tiles = class_tiles([source.positions for source in task.sources], classes, rows)
    weight_bytes = sum(weights.nbytes for weights in packed)
    words = storing(ChannelContract, stored)(
        **source_words(task, packed) | fused_words(lowering, task.bias),
        panels=table,
        panel_count=len(table),
        panels_inner=(lowering.choice.order or panels_or_tiles(weight_bytes, lowering.target)) == PANELS,
        tiles=tiles,
        tile_count=len(tiles),
        tile_words=tiles.shape[1],
    )
    source = contraction(tile, epilogue_parts(lowering.layer), lowering.target, stored)
    return Step(source, words, macs=task.filter_macs * sum(end - first for first, end in spans))


def panels_or_tiles(weight_bytes: int, target: Target) -> str:
    """Return which loop is the inner one: that over panels where the core's cache keeps the weights of all.

    Threads that share the layer then have each all channels of some positions, which a depthwise layer after it finds
    in its own core's cache.
    """
    return PANELS if weight_bytes <= target.core_cache_bytes else TILES


def _panel_table(panels: list[Panel], packed: list[Array]) -> Array:
    """Return the kernel's table of panels, whose weights lie in `packed`, one array for each source."""
    sizes = [weights.size // len(panels) for weights in packed]
    rows = [(panel.channel, i * sizes[0], panel.first, i * sizes[-1]) for i, panel in enumerate(panels)]
    return np.array(rows, np.int64)


@packed_once
def pack_panels(
    weight: Array, used: Array, panels: list[tuple[int, int]], filters: int, stored: Element = REAL
) -> Array:
    """Return (panels, taps, C/G, filters), flat: those of each panel at the used taps, zeros for filters past the last.

    Parameters
    ----------
    weight : (K, C/G, R, S)
    used : (taps,) int64
        Elements of the window, numbered row-major.
    panels : list of (int, int)
        The first filter of each, and the one after its last.
    filters : int
        That a panel has room for.
    stored : Element
        As what the packed weights are stored.
    """
    taps = used_elements(weight, used)
    made = aligned_vectors(np.empty(0), len(panels) * len(used) * taps.shape[1] * filters)
    shaped = made.reshape(len(panels), len(used), taps.shape[1], filters)
    for weights, (first, end) in zip(shaped, panels, strict=True):
        weights[..., : end - first] = taps[first:end].transpose(2, 1, 0)
    return made if stored == REAL else aligned(stored.stored(made))
