"""Convolution and InnerProduct of one image by the tile unit: tables of positions, of panels of filters and of steps.

The parts of a blob have zeros around the map, so that all positions take the same steps. Sixteen of them make the rows
of a register where they are equally far apart: neighbours along a row of the map; or, where that fills registers
better, all positions of the map in one run, with what lies between its rows, which is computed and dropped.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np

from xdn.codegen.tiles import NUMBERS, ROWS
from xdn.graph import Array
from xdn.kernels.contract.channel import panels_or_tiles
from xdn.kernels.contract.matrix.channel_kernel import ChannelMatrix, channel_matrix
from xdn.kernels.contract.matrix.family import algorithm_of, tiled_family
from xdn.kernels.contract.matrix.pack import pack_columns, tile_elements
from xdn.kernels.contract.matrix.parts import parts_needed
from xdn.kernels.contract.matrix.rule import window_of
from xdn.kernels.contract.task import Contraction
from xdn.kernels.core.choice import PANELS
from xdn.kernels.core.epilogue import epilogue_parts, fused_words
from xdn.kernels.core.family import Lowering, Step
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.parts import PartsLayout, parts_name, steps_of
from xdn.layers.window import Window

#: How much longer registers take by themselves than in pairs, of which each load serves two multiplications.
_ALONE = 1.25


@dataclass(frozen=True)
class Walk:
    """How tiles walk over the positions of a map.

    Parameters
    ----------
    registers : int
        Of a tile's positions.
    runs : (n, 2) int64
        The number of the first position in x of each run, and how many positions it has.
    spans : (n, 3) int64
        Which positions of a run are whose results: the first position of the run's, the one after the last, and the
        number of the first one's result; `run_of` has the run of each.
    run_of : (n,) int64
    """

    registers: int
    runs: Array
    spans: Array
    run_of: Array


def walk_over(window: Window, layout: PartsLayout, places: tuple[int, int]) -> Walk:
    """Return how the positions of an output map of `places` (P, Q) are cut, in the fewest tiles."""
    height, width = places
    (down, across), columns = window.stride, layout.columns
    pads = layout.border[0] - window.pad[0], layout.border[2] - window.pad[1]
    rows = np.arange(height)
    firsts = (pads[0] + rows * down) * columns + pads[1]
    candidates = [(registers, False) for registers in (2, 1)]
    # From one row of results to the next it must be a whole number of the tiles' rows.
    if down * columns % across == 0:
        candidates += [(registers, True) for registers in (2, 1)]
    pitch = down * columns // across

    def time(candidate: tuple[int, bool]) -> float:
        registers, joined = candidate
        runs = [(height - 1) * pitch + width] if joined else [width] * height
        tiles = sum(ceil(run / (registers * ROWS)) for run in runs)
        return tiles * registers * (_ALONE if registers == 1 else 1.0)

    registers, joined = min(candidates, key=time)
    spans = np.column_stack([np.zeros(height, np.int64), np.full(height, width), rows * width])
    if not joined:
        return Walk(registers, np.column_stack([firsts, np.full(height, width)]), spans, rows)
    spans[:, :2] += rows[:, None] * pitch
    return Walk(registers, np.array([[firsts[0], (height - 1) * pitch + width]]), spans, np.zeros(height, np.int64))


def tiles_of_walk(walk: Walk, across: int) -> tuple[Array, Array]:
    """Return the tables of tiles (first position in x, first span, end of spans) and of spans (first row, end, result).

    `across` are the positions of x from one row of a tile to the next.
    """
    most = walk.registers * ROWS
    tiles: list[tuple[int, int, int]] = []
    spans: list[list[int]] = []
    for run, (first, length) in enumerate(walk.runs.tolist()):
        own = walk.spans[walk.run_of == run]
        for begin in range(0, length, most):
            here = own[(own[:, 0] < begin + most) & (own[:, 1] > begin)]
            if not len(here):
                continue
            low, high = np.maximum(here[:, 0], begin), np.minimum(here[:, 1], begin + most)
            results = here[:, 2] + low - here[:, 0]
            tiles.append((first + begin * across, len(spans), len(spans) + len(here)))
            spans += np.column_stack([low - begin, high - begin, results]).tolist()
    return np.array(tiles, np.int64), np.array(spans, np.int64)


def _border(lowering: Lowering, window: Window) -> tuple[int, int, int, int]:
    """Return the positions around the map that windows reach."""
    bottom, (height, width) = lowering.bottom(), _places(lowering)
    sizes = ((height, bottom.height), (width, bottom.width))
    after = [
        max(0, (count - 1) * window.stride[axis] - window.pad[axis] + window.extent[axis] - size)
        for axis, (count, size) in enumerate(sizes)
    ]
    return window.pad[0], after[0], window.pad[1], after[1]


def _places(lowering: Lowering) -> tuple[int, int]:
    """Return height and width of the output; of an InnerProduct one position."""
    top = lowering.top()
    return (1, 1) if lowering.layer.type == "InnerProduct" else (top.height, top.width)


def _parts(lowering: Lowering) -> dict[str, PartsLayout]:
    """Return what the layer reads of its bottom: with room for the rows that the last tile has beyond the map."""
    algorithm, window = algorithm_of(lowering), window_of(lowering)
    room = 0 if _places(lowering) == (1, 1) else 2 * ROWS * window.stride[1]
    needed = PartsLayout.beside(lowering.bottom(), parts_needed(algorithm), border=_border(lowering, window), room=room)
    return {lowering.layer.bottoms[0]: needed}


@tiled_family("channel_tiles", CHANNEL, _parts)
def tiles_step(lowering: Lowering, task: Contraction, registers: int, firsts: list[int]) -> Step:
    """Contract 32 channels of bf16 parts at a time by the tile unit, for 16 or 32 positions and as many filters."""
    algorithm, bottom = algorithm_of(lowering), lowering.layer.bottoms[0]
    (source,), layout, window = task.sources, lowering.parts[bottom], window_of(lowering)
    parts, used = parts_needed(algorithm), source.lists.used
    packed = pack_columns(source.weight, used, firsts, registers, parts, lowering.weights)
    size = tile_elements(len(used), source.channels, parts, registers)
    panels = np.array([(i * size, first) for i, first in enumerate(firsts)], np.int64)
    walk, pitch = walk_over(window, layout, _places(lowering)), lowering.top().position_elements
    tiles, spans = tiles_of_walk(walk, window.stride[1])
    own = {
        "x": parts_name(bottom),
        "x_block": layout.block_elements,
        "weights": packed,
        "steps": _steps(used, window, layout, parts * registers * ROWS * NUMBERS),
    }
    count = len(used) * steps_of(source.channels)
    words = ChannelMatrix(
        **fused_words(lowering, task.bias) | own,
        step_count=count,
        spans=spans * (1, 1, pitch),
        tiles=tiles * (layout.position_elements, 1, 1),
        tile_count=len(tiles),
        panels=panels,
        panel_count=len(panels),
        panels_inner=panels_or_tiles(packed.nbytes, lowering.target) == PANELS,
        # The only position of a map is its own neighbour.
        row_stride=0 if _places(lowering) == (1, 1) else window.stride[1] * layout.position_elements,
        y_pitch=pitch,
    )
    tile = walk.registers, registers
    kernel = channel_matrix(algorithm, tile, epilogue_parts(lowering.layer), lowering.target)
    filters = sum(min(registers * ROWS, task.filters - first) for first in firsts)
    return Step(kernel, words, task.filter_macs * filters)


def _steps(used: Array, window: Window, layout: PartsLayout, weights: int) -> Array:
    """Return the table of steps: of each used element of the window all channels, whose weights are so many numbers."""
    row, column = np.divmod(used, window.kernel[1])
    taps = row * window.dilation[0] * layout.columns + column * window.dilation[1]
    channels = np.arange(steps_of(layout.channels))
    x = taps[:, None] * layout.position_elements + channels * layout.step_elements
    w = np.arange(x.size) * weights
    return np.column_stack([x.ravel(), w])
