"""Tiles of neighbouring positions over which a depthwise window slides: which fit, which is best, where they lie."""

from dataclasses import dataclass
from math import prod

import numpy as np

from xdn.codegen.target import Target
from xdn.graph import Array
from xdn.kernels.core.layout import BlockLayout
from xdn.layers.window import Window

#: Cycles for what is done once a vector of a tile.
_TILE_CYCLES = 8
#: Each value of a patch is on a line of its own beyond the first cache, and a processor looks ahead for so many
#: instructions only: the more values a patch has, the longer each is waited for, a cycle where there are so many.
_WAITED_VALUES = 25
#: Cycles for a weight: two of them come from the first cache in one.
_WEIGHT_CYCLES = 0.5


@dataclass(frozen=True)
class Sliding:
    """A window, and the tile of positions that it slides over.

    Parameters
    ----------
    kernel : (int, int)
        R and S.
    stride : int
        In both directions.
    tile : (int, int)
        MR and MQ.
    """

    kernel: tuple[int, int]
    stride: int
    tile: tuple[int, int]

    @staticmethod
    def of(window: Window, tile: tuple[int, int]) -> "Sliding":
        """Return a window that moves evenly over images, with a tile of its positions."""
        r, s = window.kernel
        return Sliding((r, s), window.stride[0], tile)

    @property
    def patch(self) -> tuple[int, int]:
        """Rows and columns of the bottom that a tile reads."""
        (r, s), (rows, columns) = self.kernel, self.tile
        return (rows - 1) * self.stride + r, (columns - 1) * self.stride + s

    @property
    def op(self) -> str:
        """The kernel's operation."""
        r, s = self.kernel
        return f"channel_sliding_w{r}x{s}s{self.stride}"


def tiles_for(window: Window, top: BlockLayout, target: Target) -> list[tuple[int, int]]:
    """Return the tiles (MR, MQ) that fit into the registers: accumulators, a row of the patch, and weights.

    The weights of the whole window where these are few beside all registers, else those of one of its rows.
    """
    (r, s), stride = window.kernel, window.stride[1]
    room = target.registers - (r * s if _keeps_weights(window, target) else s)
    found = [
        (rows, columns)
        for rows in range(1, min(top.height, room) + 1)
        for columns in range(1, min(top.width, room) + 1)
        if rows * columns + (columns - 1) * stride + s <= room
    ]
    return found or [(1, 1)]


def _keeps_weights(window: Window, target: Target) -> bool:
    """Return whether the weights of the window are few beside all registers: then a tile loads each of them once."""
    return 3 * prod(window.kernel) <= target.registers


def best_tile(window: Window, top: BlockLayout, target: Target) -> tuple[int, int]:
    """Return the tile that should take the fewest cycles: for its products and results, for what it loads, for waiting.

    Large tiles share more of what they load, small ones leave the processor room to load for the next one meanwhile.
    """
    tiles = tiles_for(window, top, target)
    return min(tiles, key=lambda tile: (vector_cycles(window, tile, top, target), tile))


def vector_cycles(window: Window, tile: tuple[int, int], top: BlockLayout, target: Target) -> float:
    """Return the cycles of a vector of channels of all tiles: their products and results, what they load, waiting."""
    results, values = prod(tile), prod(Sliding.of(window, tile).patch)
    weights = prod(window.kernel) * (1 if _keeps_weights(window, target) else tile[0])
    loaded = values * (1 + values / _WAITED_VALUES) + weights * _WEIGHT_CYCLES
    tiles = -(-top.height // tile[0]) * -(-top.width // tile[1])
    return tiles * (results * (prod(window.kernel) + 1) / target.rates.multiplied + loaded + _TILE_CYCLES)


def patch_table(slide: Sliding, window: Window, bottom: BlockLayout, top: BlockLayout) -> Array:
    """Return the table of tiles, row by row of the map."""
    (rows, columns), (height, width) = slide.tile, slide.patch
    starts = np.meshgrid(_starts(top.height, rows), _starts(top.width, columns), indexing="ij")
    p, q = (start.reshape(-1, 1, 1) for start in starts)
    i = p * slide.stride - window.pad[0] + np.arange(height)[:, None]
    j = q * slide.stride - window.pad[1] + np.arange(width)
    outside = (i < 0) | (i >= bottom.height) | (j < 0) | (j >= bottom.width)
    inputs = np.where(outside, -1, (i * bottom.width + j) * bottom.position_elements)
    outputs = ((p + np.arange(rows)[:, None]) * top.width + q + np.arange(columns)) * top.position_elements
    return np.hstack([table.reshape(len(p), -1) for table in (inputs, outputs)]).astype(np.int64)


def _starts(size: int, length: int) -> list[int]:
    """Return where parts of `length` begin that cover `size`, the last one at its end."""
    return [min(start, size - length) for start in range(0, size, length)]
