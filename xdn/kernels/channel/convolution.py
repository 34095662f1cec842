"""Convolution and InnerProduct of one image: tiles of positions, panels of filters, packed weights."""

from collections.abc import Iterator, Sequence

import numpy as np

from xdn.codegen.isa import Isa, core_cache_bytes
from xdn.kernels.channel import contraction as k
from xdn.kernels.channel.tiles import class_tiles, position_classes, spread
from xdn.kernels.convolution import Contraction, Source, convolution_task, groups_fit, inner_product_task
from xdn.kernels.epilogue import coefficients, epilogue_parts
from xdn.kernels.family import Lowered, Lowering, Step, address, family, words
from xdn.kernels.layout import CHANNEL, aligned_vectors

#: Scalars' addresses that fit into a processor's general registers beside the loop's own.
_MOST_ROWS = 12
#: Vectors of a panel at most: enough chains for one position alone to keep the multipliers busy.
_MOST_VECTORS = 8
#: Cycles of a multiply-add until its result can be added to; what a processor multiplies, and loads, in a cycle.
_LATENCY, _MULTIPLIED, _LOADED = 4.0, 2.0, 2.0
#: Cycles for the loop itself, and bytes in a cycle from the second level of the cache.
_LOOP, _CACHE_BYTES = 0.5, 32.0
#: How much longer panels of two sizes may not take: they are two kernels to compile, and two steps.
_TWO_SIZES = 1.03


def _aligned_groups(lowering: Lowering) -> bool:
    """Return whether each group's filters begin with a vector of their own."""
    group = getattr(lowering.layer.params, "group", 1)
    return groups_fit(lowering) and (group == 1 or lowering.top().channels // group % lowering.isa.lanes == 0)


@family("channel_contract", "Convolution", when=_aligned_groups, fuses=True, schedules=(CHANNEL,), scalars=True)
def lower_convolution(lowering: Lowering) -> Lowered:
    """Contract taps and input channels for several positions at a time."""
    return _lower(lowering, convolution_task(lowering))


@family(
    "channel_contract_all",
    "InnerProduct",
    when=lambda lowering: lowering.layer.projection is None,
    fuses=True,
    schedules=(CHANNEL,),
    scalars=True,
)
def lower_inner_product(lowering: Lowering) -> Lowered:
    """Contract everything that an image has: a matrix times a vector."""
    return _lower(lowering, inner_product_task(lowering))


def _lower(lowering: Lowering, task: Contraction) -> Lowered:
    """Return one step for each number of vectors that the panels have."""
    classes = position_classes([source.positions for source in task.sources])
    rows, vectors = best_tile(task.filters, [len(c) for c in classes], lowering.isa)
    lanes = lowering.isa.lanes
    sizes = spread(-(-task.filters // lanes), vectors)
    steps = []
    for size in dict.fromkeys(sizes):
        starts = [sum(sizes[:i]) * lanes for i, each in enumerate(sizes) if each == size]
        steps.append(_step(lowering, task, classes, (rows, size), starts))
    return Lowered(steps, in_place=lowering.over_residual())


def tiles_of(isa: Isa) -> Iterator[tuple[int, int]]:
    """Return the tiles (MR, NV) whose accumulators, with a panel's weights and a scalar, fill the registers."""
    for vectors in range(1, _MOST_VECTORS + 1):
        rows = min(_MOST_ROWS, (isa.registers - vectors - 1) // vectors)
        if rows:
            yield rows, vectors


def best_tile(filters: int, classes: Sequence[int], isa: Isa) -> tuple[int, int]:
    """Return the tile (MR, NV) that should take the fewest cycles.

    Parameters
    ----------
    filters : int
    classes : sequence of int
        How many positions share each tap list.
    isa : Isa
    """

    def cycles(tile: tuple[int, int]) -> float:
        rows, most = tile
        tiles, panels = sum(-(-count // rows) for count in classes), spread(-(-filters // isa.lanes), most)
        each = [
            max(rows * v / _MULTIPLIED, (rows + v) / _LOADED, _LATENCY, v * isa.lanes * 4 / _CACHE_BYTES) + _LOOP
            for v in panels
        ]
        return tiles * sum(each) * (_TWO_SIZES if panels[0] != panels[-1] else 1.0)

    candidates = [(rows, v) for most, v in tiles_of(isa) for rows in range(1, most + 1)]
    return min(candidates, key=lambda tile: (cycles(tile), tile))


def _step(
    lowering: Lowering, task: Contraction, classes: list[np.ndarray], tile: tuple[int, int], starts: list[int]
) -> Step:
    """Return the step for the panels that begin with the filters `starts` of each group."""
    layer, top = lowering.layer, lowering.top()
    rows, vectors = tile
    firsts = [(g, g * task.filters + start) for g in range(task.groups) for start in starts]
    panel_filters = vectors * lowering.isa.lanes
    panels, packed = _panels(task, firsts, panel_filters)
    tiles = class_tiles([source.positions for source in task.sources], classes, rows)
    pitch = top.position_elements
    bias, slopes = aligned_vectors(task.bias, pitch), aligned_vectors(coefficients(layer, top.channels), pitch)
    blobs = {k.Y: layer.tops[0]} | lowering.residual_at(k.RESIDUAL)
    weight_bytes = sum(weights.nbytes for weights in packed)
    descriptor = {
        k.BIAS: address(bias),
        k.COEFFICIENTS: address(slopes),
        k.PANELS: address(panels),
        k.PANEL_COUNT: len(panels),
        k.TILES: address(tiles),
        k.TILE_COUNT: len(tiles),
        k.Y_BLOCK: top.block_elements,
        k.PANELS_INNER: weight_bytes <= core_cache_bytes() // 2,
    }
    for slots, source, weights in zip(k.SOURCES, task.sources, packed, strict=False):
        blob, *rest = slots
        blobs[blob] = source.blob
        descriptor |= zip(rest, (address(weights), address(source.runs), source.layout.block_elements), strict=True)
    real = sum(min(panel_filters, task.filters - start) for start in starts) * task.groups
    return Step(
        k.contraction(tile, epilogue_parts(layer), lowering.isa),
        words(k.WORD_COUNT, descriptor),
        blobs,
        (*packed, bias, slopes, panels, tiles, *(source.runs for source in task.sources)),
        macs=sum(source.lists.multiplications * source.channels for source in task.sources) * real,
    )


def _panels(task: Contraction, firsts: list[tuple[int, int]], filters: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the kernel's table of panels, a row for each (group, first filter), and each source's packed weights."""
    packed = [_packed(source, task.filters, firsts, filters) for source in task.sources]
    group_channels = task.sources[0].channels
    sizes = [weights.size // len(firsts) for weights in packed]
    rows = [(g * group_channels, i * sizes[0], first, i * sizes[-1]) for i, (g, first) in enumerate(firsts)]
    return np.array(rows, np.int64), packed


def _packed(source: Source, group: int, firsts: list[tuple[int, int]], filters: int) -> np.ndarray:
    """Return (panels, taps, C/G, filters), flat: those of each panel at the used taps, zeros for filters past the last.

    Parameters
    ----------
    source : Source
    group : int
        Filters of a group.
    firsts : list of (int, int)
        Each panel's group and first filter.
    filters : int
        Of a panel.
    """
    used = source.lists.used
    taps = source.weight[:, :, used[:, 0], used[:, 1]]  # (K, C/G, U)
    made = aligned_vectors(np.empty(0), len(firsts) * len(used) * source.channels * filters)
    panels = made.reshape(len(firsts), len(used), source.channels, filters)
    for panel, (g, first) in zip(panels, firsts, strict=True):
        own = taps[first : min(first + filters, (g + 1) * group)]
        panel[..., : len(own)] = own.transpose(2, 1, 0)
    return made
