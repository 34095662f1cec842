"""Weights as tiles of bf16 parts, in the order in which the kernels of either schedule load them."""

import numpy as np

from xdn.codegen.tiles import NUMBERS, ROWS
from xdn.element import REAL, Element
from xdn.graph import Array
from xdn.kernels.contract.matrix.parts import parts_of
from xdn.kernels.contract.task import spread, used_elements
from xdn.kernels.core.aligned import aligned
from xdn.kernels.core.packing import packed_once
from xdn.kernels.core.parts import steps_of

#: Registers of filters of a tile at most.
_MOST_REGISTERS = 2


def tile_elements(taps: int, channels: int, parts: int, registers: int) -> int:
    """Return the numbers that the weights of a tile of filters are."""
    return taps * steps_of(channels) * parts * registers * ROWS * NUMBERS


def filter_tiles(filters: int) -> dict[int, list[int]]:
    """Return registers of a tile -> the first filters of the tiles that have so many."""
    sizes = spread(-(-filters // ROWS), _MOST_REGISTERS)
    starts = np.cumsum([0, *sizes]) * ROWS
    return {
        size: [int(start) for start, each in zip(starts, sizes, strict=False) if each == size]
        for size in dict.fromkeys(sizes)
    }


@packed_once
def pack_rows(
    weight: Array, used: Array, firsts: list[int], registers: int, parts: int, stored: Element = REAL
) -> Array:
    """Return (tiles, taps, C/32, parts, registers, 16, 32) bf16, flat: rows are filters, columns channels.

    Parameters
    ----------
    weight : (K, C, R, S)
    used : (taps,) int64
        Elements of the window, numbered row-major.
    firsts : list of int
        The first filter of each tile; zeros stand for filters and channels after the last.
    registers, parts : int
    stored : Element
        What weights are rounded to first.
    """
    found = _tiles(weight, used, firsts, registers, parts, stored)
    return aligned(found.transpose(0, 5, 3, 6, 1, 2, 4))


@packed_once
def pack_columns(
    weight: Array, used: Array, firsts: list[int], registers: int, parts: int, stored: Element = REAL
) -> Array:
    """Return (tiles, taps, C/32, parts, registers, 16, 16, 2) bf16, flat: rows are pairs of channels, columns filters.

    Parameters are those of `pack_rows`.
    """
    found = _tiles(weight, used, firsts, registers, parts, stored)
    pairs = found.reshape(*found.shape[:4], ROWS, 2, *found.shape[5:])
    return aligned(pairs.transpose(0, 6, 3, 7, 1, 4, 2, 5))


def _tiles(weight: Array, used: Array, firsts: list[int], registers: int, parts: int, stored: Element) -> Array:
    """Return (tiles, registers, 16, C/32, 32, taps, parts) bf16 of the filters from each of `firsts` on."""
    taps = stored.rounded(used_elements(weight, used))
    filters, channels, count = taps.shape
    steps, rows = steps_of(channels), registers * ROWS
    wide = np.zeros((max(firsts) + rows, steps * NUMBERS, count), REAL.numpy)
    wide[:filters, :channels] = taps[: len(wide)]
    own = np.stack([wide[first : first + rows] for first in firsts])
    split = np.moveaxis(parts_of(own, parts), 0, -1)
    return split.reshape(len(firsts), registers, ROWS, steps, NUMBERS, count, parts)


def packed_bytes(filters: int, channels: int, elements: int, parts: int) -> int:
    """Return about how many bytes all packed weights of a layer take."""
    return 2 * tile_elements(elements, channels, parts, -(-filters // ROWS))
