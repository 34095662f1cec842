"""Convolution and InnerProduct as contractions: tables of tiles, positions and taps, packed weights."""

from dataclasses import dataclass

import numpy as np

from xdn.codegen.target import core_cache_bytes
from xdn.graph.epilogue import projection_weights
from xdn.kernels.contract import batch_kernel as k
from xdn.kernels.core.choice import DIRECT, Choice
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.epilogue import coefficients, epilogue_parts
from xdn.kernels.core.family import Lowered, Lowering, Reach, Rows, Step, family, packed_weights, words
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import B, BlockLayout
from xdn.kernels.core.packing import packed_once
from xdn.kernels.core.taps import TapLists, lists_footprint, tap_lists
from xdn.layers.window import Window


@dataclass(frozen=True)
class Source:
    """What a contraction sums over: a blob, and the filters that slide over it.

    Parameters
    ----------
    blob : str
    layout : BlockLayout
        The blob's.
    weight : (K, C/G, R, S)
        Filters, with as many axes after the channels as the window has.
    window : Window
        How they slide.
    lists : TapLists
        The window's.
    positions, runs : arrays
        As `TapLists.in_runs` gives them.
    """

    blob: str
    layout: BlockLayout
    weight: np.ndarray
    window: Window
    lists: TapLists
    positions: np.ndarray
    runs: np.ndarray

    @property
    def channels(self) -> int:
        """Channels that each filter reads."""
        return self.weight.shape[1]


@dataclass(frozen=True)
class Contraction:
    """A contraction over tap lists, before it is cut into tiles.

    Parameters
    ----------
    sources : tuple of Source
        One, or two without groups.
    biases : tuple of (K,) arrays
        Their sum is what each output begins with.
    groups : int
    """

    sources: tuple[Source, ...]
    biases: tuple[np.ndarray, ...]
    groups: int = 1

    @property
    def filters(self) -> int:
        """Filters of one group."""
        return self.sources[0].weight.shape[0] // self.groups

    @property
    def bias(self) -> np.ndarray:
        """(K,) f32, zeros where there is none."""
        given = [np.asarray(bias, np.float32) for bias in self.biases]
        return np.ascontiguousarray(
            sum(given[1:], given[0]) if given else np.zeros(self.filters * self.groups, np.float32)
        )


def spread(rows: int, most: int) -> list[int]:
    """Return `rows` split into as few parts as `most` allows, as even as possible, larger parts first."""
    count = -(-rows // most)
    small, larger = divmod(rows, count)
    return [small + 1] * larger + [small] * (count - larger)


def groups_fit(lowering: Lowering) -> bool:
    """Return whether groups, if there are any, stand alone: two sources have none."""
    layer = lowering.layer
    return layer.projection is None or layer.params.group == layer.projection.group == 1


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


def contraction_footprint(lowering: Lowering) -> Footprint:
    """Return what the packed weights and the tables of a contraction take."""
    layer, tops = lowering.layer, lowering.tops[0].shape[2:]
    if layer.type == "InnerProduct":
        sizes = (lowering.bottom().height, lowering.bottom().width)
        return packed_weights(lowering) + lists_footprint(sizes, (1, 1), Window(sizes))
    found = packed_weights(lowering) + lists_footprint(
        lowering.bottoms[0].shape[2:], tops, layer.params.window_over(lowering.bottoms[0])
    )
    if layer.projection is not None:
        found += lists_footprint(lowering.added[0].shape[2:], tops, layer.projection.window_over(lowering.added[0]))
    return found


@family(
    "contract",
    "Convolution",
    "Deconvolution",
    when=groups_fit,
    fuses=True,
    choices=_direct_choices,
    footprint=contraction_footprint,
)
def lower_convolution(lowering: Lowering) -> Lowered:
    """Contract taps and input channels; any kernel, stride, padding, dilation and group count."""
    return lower_contraction(lowering, convolution_task(lowering))


def convolution_task(lowering: Lowering) -> Contraction:
    """Return what a layer of filters, with the projection that is fused to it, contracts."""
    layer = lowering.layer
    parts = [(layer.bottoms[0], lowering.bottoms[0], lowering.bottom(), layer.params, layer.weights)]
    if layer.projection is not None:
        weights = projection_weights(layer.weights)
        parts.append((layer.bottoms[-1], lowering.added[0], lowering.projected(), layer.projection, weights))
    sources = []
    for name, blob, layout, params, given in parts:
        window = params.window_over(blob)
        lists = tap_lists(blob.shape[2:], lowering.tops[0].shape[2:], window)
        sources.append(source_of(name, layout, lowering.top(), params.filters(given["weight"]), window, lists))
    biases = [given["bias"] for *_, given in parts if "bias" in given]
    return Contraction(tuple(sources), tuple(biases), layer.params.group)


def takes_images(lowering: Lowering) -> bool:
    """Return whether an InnerProduct sums everything that an image has."""
    return lowering.layer.projection is None and lowering.bottoms[0].axis(lowering.layer.params.axis) == 1


@family(
    "contract_all",
    "InnerProduct",
    when=takes_images,
    fuses=True,
    choices=_direct_choices,
    footprint=contraction_footprint,
)
def lower_inner_product(lowering: Lowering) -> Lowered:
    """Contract everything that an image has: one position, whose taps are the positions of the bottom."""
    return lower_contraction(lowering, inner_product_task(lowering))


def inner_product_task(lowering: Lowering) -> Contraction:
    """Return what an InnerProduct contracts."""
    layer, bottom = lowering.layer, lowering.bottom()
    weight = layer.weights["weight"]
    if layer.params.transpose:
        weight = weight.T
    sizes = (bottom.height, bottom.width)
    weight, window = weight.reshape(-1, bottom.channels, *sizes), Window(sizes)
    source = source_of(layer.bottoms[0], bottom, lowering.top(), weight, window, tap_lists(sizes, (1, 1), window))
    biases = (layer.weights["bias"],) if "bias" in layer.weights else ()
    return Contraction((source,), biases)


def source_of(
    blob: str, layout: BlockLayout, top: BlockLayout, weight: np.ndarray, window: Window, lists: TapLists
) -> Source:
    """Return what a layer's filters sum over in one of its bottoms, which lies as `layout` says, to give `top`."""
    return Source(blob, layout, weight, window, lists, *lists.in_runs(layout, top, weight.shape[1]))


def lower_contraction(lowering: Lowering, task: Contraction) -> Lowered:
    """Return one step for each number of rows that the tiles have."""
    sizes = spread(task.filters, most_rows(lowering))
    steps = []
    for rows in dict.fromkeys(sizes):
        starts = [sum(sizes[:i]) for i, size in enumerate(sizes) if size == rows]
        steps.append(_step(lowering, task, rows, starts))
    return Lowered(steps, in_place=lowering.over_residual())


def _step(lowering: Lowering, task: Contraction, rows: int, starts: list[int]) -> Step:
    """Return the step for the tiles of `rows` filters that begin at `starts` in each group."""
    layer, top = lowering.layer, lowering.top()
    firsts = [(g, g * task.filters + start) for g in range(task.groups) for start in starts]
    packed = [pack_weights(s.weight, s.lists.used, [first for _, first in firsts], rows) for s in task.sources]
    tiles = _tiles(task, firsts, packed)
    # The output's place stands once, in the first source's columns.
    own, *other = task.sources
    positions = np.hstack([own.positions, *(source.positions[:, :3] for source in other)])
    bias, slopes = task.bias, coefficients(layer, top.channels)
    residual = lowering.residual_at(k.RESIDUAL)
    blobs = {k.Y: layer.tops[0]} | residual
    reads = {slots[0]: Reach.of(source.window) for slots, source in zip(k.SOURCES, task.sources, strict=False)}
    reads |= dict.fromkeys(residual, Reach())
    row_bytes = {k.POSITIONS: top.width * positions[0].nbytes}
    descriptor = {
        k.BIAS: address(bias),
        k.TILES: address(tiles),
        k.TILE_COUNT: len(tiles),
        k.POSITIONS: address(positions),
        k.POSITION_COUNT: len(positions),
        k.Y_BLOCK: top.block_elements,
        k.TILE_GROUP: _tile_group(len(tiles), sum(weights.nbytes for weights in packed)),
        k.COEFFICIENTS: address(slopes),
    }
    for slots, source, weights in zip(k.SOURCES, task.sources, packed, strict=False):
        blob, *rest = slots
        blobs[blob] = source.blob
        values = (address(weights), address(source.runs), source.layout.block_elements)
        descriptor |= zip(rest, values, strict=True)
    return Step(
        k.contraction(rows, epilogue_parts(layer), lowering.target),
        words(k.WORD_COUNT, descriptor),
        blobs,
        (*packed, bias, tiles, positions, *(source.runs for source in task.sources), slopes),
        macs=sum(source.lists.multiplications * source.channels for source in task.sources) * rows * len(tiles),
        # Of a transposed window the rows that some outputs need are no fixed number apart.
        rows=None if own.window.transposed else Rows(top.height, 1, row_bytes, k.POSITION_COUNT, top.width, reads, k.Y),
    )


def _tile_group(tiles: int, weight_bytes: int) -> int:
    """Return how many tiles' weights fill a quarter of the core's cache, one at least."""
    return max(1, min(tiles, tiles * (core_cache_bytes() // 4) // max(1, weight_bytes)))


def _tiles(task: Contraction, firsts: list[tuple[int, int]], packed: list[np.ndarray]) -> np.ndarray:
    """Return the kernel's table of tiles, a row for each (group, first filter) in `firsts`."""
    group_elements = task.sources[0].channels * B
    rows = []
    for i, (g, first) in enumerate(firsts):
        own, *other = (i * weights[0].size for weights in packed)
        rows.append((g * group_elements, own, first, *other))
    return np.array(rows, np.int64)


def used_elements(weight: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Return (K, C/G, U): of the filters (K, C/G, R, S) the window elements that are used, numbered row-major."""
    elements = weight.reshape(*weight.shape[:2], -1)
    return elements if len(used) == elements.shape[2] else elements[:, :, used]


@packed_once
def pack_weights(weight: np.ndarray, used: np.ndarray, firsts: list[int], rows: int) -> np.ndarray:
    """Return (tiles, taps, C/G, rows): the filters first..first+rows of each tile at the used taps."""
    taps = used_elements(weight, used)
    packed = np.empty((len(firsts), taps.shape[2], taps.shape[1], rows), np.float32)
    for tile, first in zip(packed, firsts, strict=True):
        tile[...] = taps[first : first + rows].transpose(2, 1, 0)
    return packed
