"""Which positions make the rows of a tile, in the channel schedule.

Sixteen of them make the rows of a register where they are equally far apart in all that is read: neighbours along a row
of the map; or, where that fills registers better, all positions of the map in one run, with what lies between its rows,
which is computed and dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from xdn.codegen.tiles import ROWS
from xdn.graph import Array
from xdn.kernels.core.parts import PartsLayout
from xdn.layers.window import Window

#: How much longer registers take by themselves than in pairs, of which each load serves two multiplications.
_ALONE = 1.25


@dataclass(frozen=True)
class Slide:
    """A window that slides over the parts of a blob, to give `places` (P, Q) results."""

    window: Window
    layout: PartsLayout
    places: tuple[int, int]

    @property
    def row_step(self) -> tuple[int, int]:
        """Rows of the map and positions from one row of a tile to the next; the only result of all is its neighbour."""
        (height, width), (down, across) = self.places, self.window.stride
        return (0, across) if width > 1 else (down, 0) if height > 1 else (0, 0)

    @property
    def row_positions(self) -> int:
        """The same as positions alone."""
        rows, positions = self.row_step
        return rows * self.layout.columns + positions

    @property
    def pitch(self) -> int | None:
        """Rows of a tile from one row of results to the next; None where it is not a whole number of them."""
        (height, width), columns = self.places, self.window.stride[0] * self.layout.columns
        if height == 1 or width == 1:
            return width
        return None if columns % self.row_positions else columns // self.row_positions

    def taps(self, used: Array) -> Array:
        """Return how many positions after its first element the elements of the window are, numbered row-major."""
        row, column = np.divmod(used, self.window.kernel[1])
        found: Array = row * self.window.dilation[0] * self.layout.columns + column * self.window.dilation[1]
        return found

    def firsts(self) -> Array:
        """Return (P,) int64: the position on which the window of each row's first result begins."""
        above, left = self.layout.border[0] - self.window.pad[0], self.layout.border[2] - self.window.pad[1]
        rows: Array = above + np.arange(self.places[0]) * self.window.stride[0]
        return rows * self.layout.columns + left


def room(slide: Slide) -> tuple[int, int]:
    """Return the rows and positions after the map that the last tile may have beyond it."""
    rows, positions = slide.row_step
    return 2 * ROWS * rows, 2 * ROWS * positions


def border(slide: Slide) -> tuple[int, int, int, int]:
    """Return the positions around the map that windows reach."""
    window, sizes = slide.window, (slide.layout.height, slide.layout.width)
    after = [
        max(0, (count - 1) * window.stride[axis] - window.pad[axis] + window.extent[axis] - size)
        for axis, (count, size) in enumerate(zip(slide.places, sizes, strict=True))
    ]
    return window.pad[0], after[0], window.pad[1], after[1]


@dataclass(frozen=True)
class Walk:
    """How tiles walk over the positions of a map.

    Parameters
    ----------
    registers : int
        Of a tile's positions.
    runs : (n, sources + 1) int64
        On which position of each source a run begins, and how many rows of tiles it has.
    spans : (n, 3) int64
        Which rows of a run give results: the first one, the one after the last, and the number of the first one's
        result; `run_of` has the run of each.
    run_of : (n,) int64
    """

    registers: int
    runs: Array
    spans: Array
    run_of: Array


def walk_over(slides: Sequence[Slide], most: int = 2) -> Walk:
    """Return how the positions of an output map are cut, in the fewest tiles, of `most` registers."""
    height, width = slides[0].places
    pitches = {slide.pitch for slide in slides}
    pitch = pitches.pop() if len(pitches) == 1 else None
    sizes = range(most, 0, -1)
    candidates: list[tuple[int, int | None]] = [(registers, None) for registers in sizes]
    candidates += [(registers, pitch) for registers in sizes if pitch]

    def time(candidate: tuple[int, int | None]) -> float:
        registers, pitch = candidate
        runs = [width] * height if pitch is None else [(height - 1) * pitch + width]
        tiles = sum(ceil(run / (registers * ROWS)) for run in runs)
        return tiles * registers * (_ALONE if registers == 1 else 1.0)

    registers, pitch = min(candidates, key=time)
    rows = np.arange(height)
    firsts = np.column_stack([slide.firsts() for slide in slides])
    spans = np.column_stack([np.zeros(height, np.int64), np.full(height, width), rows * width])
    if pitch is None:
        return Walk(registers, np.column_stack([firsts, np.full(height, width)]), spans, rows)
    spans[:, :2] += rows[:, None] * pitch
    whole = np.array([[*firsts[0], (height - 1) * pitch + width]])
    return Walk(registers, whole, spans, np.zeros(height, np.int64))


def tiles_of_walk(walk: Walk, row_positions: Sequence[int]) -> tuple[Array, Array]:
    """Return the tables of tiles (position in x, in x2, first span, end of spans) and spans (first row, end, result).

    `row_positions` are those of each source from one row of a tile to the next. With one source both positions are its.
    """
    most, each_row = walk.registers * ROWS, np.array(row_positions)
    tiles: list[list[int]] = []
    spans: list[list[int]] = []
    for run, (*firsts, length) in enumerate(walk.runs.tolist()):
        own = walk.spans[walk.run_of == run]
        for begin in range(0, length, most):
            here = own[(own[:, 0] < begin + most) & (own[:, 1] > begin)]
            if not len(here):
                continue
            low, high = np.maximum(here[:, 0], begin), np.minimum(here[:, 1], begin + most)
            at = (firsts + begin * each_row).tolist()
            tiles.append([at[0], at[-1], len(spans), len(spans) + len(here)])
            results = here[:, 2] + low - here[:, 0]
            spans += np.column_stack([low - begin, high - begin, results]).tolist()
    return np.array(tiles, np.int64), np.array(spans, np.int64)


def most_registers(slides: Sequence[Slide]) -> int:
    """Return how many registers of positions a tile can have that reads nothing beyond the maps; 0 for none."""
    if any(any(border(slide)) for slide in slides):
        return 0
    steps = [(slide.layout.positions, slide.row_positions) for slide in slides]
    return min((min(2, positions // (ROWS * step)) for positions, step in steps if step), default=2)


def within_maps(tiles: Array, spans: Array, registers: int, slides: Sequence[Slide]) -> bool:
    """Move tiles back, in place, that reach beyond the maps, and the rows of their spans with them.

    Return whether they all lie within the maps then.
    """
    last = registers * ROWS - 1
    for tile in tiles:
        places = [(column, slide.row_positions, slide.layout.positions) for column, slide in enumerate(slides)]
        beyond = [-(-max(0, tile[at] + last * step - size + 1) // step) for at, step, size in places if step]
        moved = max(beyond, default=0)
        for at, step, _ in places:
            tile[at] -= moved * step
        spans[tile[2] : tile[3], :2] += moved
    if len(slides) == 1:
        tiles[:, 1] = tiles[:, 0]
    return bool((tiles[:, :2] >= 0).all())
