"""Convolution and InnerProduct of one image: tiles of positions, panels of filters, packed weights."""

from collections.abc import Sequence
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
from xdn.kernels.contract.work import Depth, Sums, fastest_tile, tiles_of
from xdn.kernels.core.aligned import aligned, aligned_vectors
from xdn.kernels.core.choice import DIRECT, ORDERS, PANELS, TILES, Choice
from xdn.kernels.core.epilogue import epilogue_parts, fused_words
from xdn.kernels.core.family import Lowered, Lowering, Step, family, packed_weights
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.packing import packed_once
from xdn.kernels.core.tables import shared
from xdn.kernels.core.work import Others, Phase, Setting

#: How much longer panels of two sizes may not take: they are two kernels to compile, and two steps.
_TWO_SIZES = 1.03
#: How much longer the order may take that leaves positions in the cache of the core which computed them.
_TWO_ORDERS = 1.02


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


@dataclass(frozen=True)
class _Cut:
    """How a contraction is cut into tiles.

    Parameters
    ----------
    classes : list of arrays
        Positions that share their tap lists.
    rows : int
        Positions of a tile.
    sizes : list of int
        Vectors of each panel, of a group.
    order : str
        One of `ORDERS`.
    own_tiles : bool
        Whether threads that share the layer have tiles of their own, rather than panels.
    phase : Phase
        What all of it takes.
    """

    classes: list[Array]
    rows: int
    sizes: list[int]
    order: str
    own_tiles: bool
    phase: Phase


def _cut(lowering: Lowering, task: Contraction, begin: int = 0) -> _Cut:
    """Return how a contraction is cut, by the filters from `begin` on: as is chosen, else as takes the least time."""
    lanes, choice = lowering.target.lanes, lowering.choice
    filters, groups, widened = task.filters - begin, task.groups, 1
    if across := _vectors_across_groups(lowering, task):
        filters, groups, widened = lanes, len(across.begins), across.touched
    classes = position_classes([source.positions for source in task.sources])
    depths = tuple(Depth(len(members), float(widened * task.products[members[0]])) for members in classes)
    x_bytes = lowering.bottom().block_bytes / task.groups
    sums = Sums(lowering.target, depths, x_bytes, (lowering.read, lowering.written))
    rows, vectors = choice.tile or best_tile(sums, filters, groups, lowering.setting)
    sizes = spread(-(-filters // lanes), vectors)
    order = choice.order or best_order(sums, rows, sizes * groups, lowering.setting)
    y_bytes = lowering.top().block_bytes / task.groups
    own = order == PANELS or own_tiles_pay(sums, rows, sizes * groups, y_bytes, lowering.setting)
    return _Cut(classes, rows, sizes, order, own, sums.by_channels(rows, sizes * groups, order, own))


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
    phases=lambda lowering: (_cut(lowering, contraction_task(lowering)).phase,),
)
def lower_contraction(lowering: Lowering) -> Lowered:
    """Contract taps and input channels for several positions at a time; an InnerProduct is a matrix times a vector."""
    task = contraction_task(lowering)
    require_range(lowering)
    across = _vectors_across_groups(lowering, task)
    steps = [_lower_across_groups(lowering, task, across)] if across else direct_steps(lowering, task)
    return Lowered(steps, in_place=lowering.over_residual())


def direct_steps(lowering: Lowering, task: Contraction, begin: int = 0) -> list[Step]:
    """Return the steps for the filters of each group from `begin` on: one for each number of vectors of a panel.

    Each panel is a part of one group.
    """
    cut = _cut(lowering, task, begin)
    lanes, filters, channels = lowering.target.lanes, task.filters, task.sources[0].channels
    steps = []
    for size in dict.fromkeys(cut.sizes):
        starts = [begin + sum(cut.sizes[:i]) * lanes for i, each in enumerate(cut.sizes) if each == size]
        panels = [
            Panel(g * channels, g * filters + start, g * filters + min(start + size * lanes, filters))
            for g in range(task.groups)
            for start in starts
        ]
        steps.append(_step(lowering, task, cut, size, panels))
    return steps


@dataclass(frozen=True)
class _Across:
    """Vectors of filters, wherever groups begin and end.

    Parameters
    ----------
    ranges : list of (int, int)
        The first filter of each, and the one after the last.
    begins : list of int
        The first group that each reads.
    touched : int
        Groups that each reads.
    """

    ranges: list[tuple[int, int]]
    begins: list[int]
    touched: int


def _vectors_across_groups(lowering: Lowering, task: Contraction) -> _Across | None:
    """Return the vectors of filters across groups; None where those of each group fill theirs."""
    lanes, filters, all_filters = lowering.target.lanes, task.filters, task.filters * task.groups
    if task.groups == 1 or filters % lanes == 0:
        return None
    ranges = [(first, min(first + lanes, all_filters)) for first in range(0, all_filters, lanes)]
    touched = max((end - 1) // filters - first // filters + 1 for first, end in ranges)
    # All panels read as many groups; the last ones begin early enough for that.
    return _Across(ranges, [min(first // filters, task.groups - touched) for first, _ in ranges], touched)


def _lower_across_groups(lowering: Lowering, task: Contraction, across: _Across) -> Step:
    """Return one step whose panels are single vectors of filters, wherever groups begin and end.

    A panel reads the channels of all groups that it touches, and a filter's weights for those of other groups are
    zeros: vectors stay full, which they would not in panels of one group each.
    """
    (source,), touched = task.sources, across.touched
    filters, channels, all_filters = task.filters, source.channels, task.filters * task.groups
    weight = np.zeros((all_filters, touched, *source.weight.shape[1:]), real)
    for (first, end), begin in zip(across.ranges, across.begins, strict=True):
        own = np.arange(first, end)
        weight[own, own // filters - begin] = source.weight[first:end]
    wide = weight.reshape(all_filters, touched * channels, *source.weight.shape[2:])
    wide_source = source_of(source.blob, source.layout, lowering.top(), wide, source.window, source.lists)
    wide_task = Contraction((wide_source,), task.biases)
    panels = [Panel(begin * channels, *own) for begin, own in zip(across.begins, across.ranges, strict=True)]
    step = _step(lowering, wide_task, _cut(lowering, task), 1, panels)
    return replace(step, macs=source.lists.multiplications * channels * all_filters)


@shared
def best_tile(sums: Sums, filters: int, groups: int, setting: Setting, most_rows: int | None = None) -> tuple[int, int]:
    """Return the tile (MR, NV) that should take the least time for `groups` times `filters` filters."""
    target, columns = sums.target, -(-filters // sums.target.lanes)

    def time(tile: tuple[int, int]) -> float:
        rows, most = tile
        panels = spread(columns, most)
        each = min(sums.by_channels(rows, panels, order).time(target.rates, setting) for order in ORDERS)
        return each * groups * (_TWO_SIZES if panels[0] != panels[-1] else 1.0)

    positions = max(depth.positions for depth in sums.depths)
    return fastest_tile(target, columns, min(positions, most_rows or positions), time)


def best_order(sums: Sums, rows: int, panels: Sequence[int], setting: Setting) -> str:
    """Return which loop is the inner one: that over panels where it takes no longer.

    Threads that share the layer then have each all channels of some positions, which a depthwise layer after it finds
    in its own core's cache.
    """
    times = {order: sums.by_channels(rows, panels, order).time(sums.target.rates, setting) for order in ORDERS}
    return PANELS if times[PANELS] <= _TWO_ORDERS * times[TILES] else TILES


def own_tiles_pay(sums: Sums, rows: int, panels: Sequence[int], y_bytes: float, setting: Setting) -> bool:
    """Return whether threads have tiles of their own where all tiles of a panel follow each other.

    They read all weights each, but find the channels of their positions in their own core's cache, and leave those of
    `y_bytes` for the next layer in it. How many threads share a layer is not known yet: what is less for two counts.
    """
    two, rates = replace(setting, members=2), sums.target.rates
    by_panels, by_tiles = (sums.by_channels(rows, panels, TILES, own) for own in (False, True))
    handed = replace(by_panels, streams=(*by_panels.streams, Others(y_bytes / two.members)))
    return by_tiles.time(rates, two) <= handed.time(rates, two)


def _step(lowering: Lowering, task: Contraction, cut: _Cut, vectors: int, panels: list[Panel]) -> Step:
    """Return the step for panels of one size."""
    spans = [(panel.first, panel.end) for panel in panels]
    filters, stored = vectors * lowering.target.lanes, lowering.weights
    packed = [pack_panels(s.weight, s.lists.used, spans, filters, stored) for s in task.sources]
    table = _panel_table(panels, packed)
    tiles = class_tiles([source.positions for source in task.sources], cut.classes, cut.rows)
    words = storing(ChannelContract, stored)(
        **source_words(task, packed) | fused_words(lowering, task.bias),
        panels=table,
        panel_count=len(table),
        panels_inner=cut.order == PANELS,
        own_tiles=cut.own_tiles,
        tiles=tiles,
        tile_count=len(tiles),
        tile_words=tiles.shape[1],
    )
    source = contraction((cut.rows, vectors), epilogue_parts(lowering.layer), lowering.target, stored)
    return Step(source, words, macs=task.filter_macs * sum(end - first for first, end in spans))


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
