"""Convolution and InnerProduct as contractions: tables of tiles, positions and taps, packed weights."""

import numpy as np

from xdn.codegen.target import core_cache_bytes
from xdn.kernels.contract import batch_kernel as k
from xdn.kernels.contract.task import (
    Contraction,
    contraction_footprint,
    convolution_task,
    groups_fit,
    inner_product_task,
    spread,
    takes_images,
    used_elements,
)
from xdn.kernels.core.choice import DIRECT, Choice
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.epilogue import coefficients, epilogue_parts
from xdn.kernels.core.family import Lowered, Lowering, Reach, Rows, Step, family, words
from xdn.kernels.core.layout import B
from xdn.kernels.core.packing import packed_once


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


@packed_once
def pack_weights(weight: np.ndarray, used: np.ndarray, firsts: list[int], rows: int) -> np.ndarray:
    """Return (tiles, taps, C/G, rows): the filters first..first+rows of each tile at the used taps."""
    taps = used_elements(weight, used)
    packed = np.empty((len(firsts), taps.shape[2], taps.shape[1], rows), np.float32)
    for tile, first in zip(packed, firsts, strict=True):
        tile[...] = taps[first : first + rows].transpose(2, 1, 0)
    return packed
