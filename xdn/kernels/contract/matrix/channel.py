"""Convolution and InnerProduct of one image by the tile unit: tables of positions, of panels of filters and of steps.

The parts of a blob have zeros around the map, so that all positions take the same steps: `walk.py` says which of them
make the rows of a tile.
"""

import numpy as np

from xdn.codegen.tiles import NUMBERS, ROWS
from xdn.graph import Array
from xdn.kernels.contract.matrix.channel_kernel import ChannelMatrix, channel_matrix
from xdn.kernels.contract.matrix.family import tiled_family
from xdn.kernels.contract.matrix.kernel import Contracting, source_words
from xdn.kernels.contract.matrix.pack import pack_columns, tile_elements
from xdn.kernels.contract.matrix.parts import parts_needed, weight_parts
from xdn.kernels.contract.matrix.rule import algorithm_of, places_of, readings
from xdn.kernels.contract.matrix.walk import Slide, border, room, tiles_of_walk, walk_over
from xdn.kernels.contract.task import Contraction
from xdn.kernels.core.epilogue import epilogue_parts, fused_words
from xdn.kernels.core.family import Lowering, Step
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.parts import PartsLayout, joined_layouts


def _slides(lowering: Lowering) -> list[Slide]:
    """Return how the windows of a layer slide over the parts that it reads."""
    places, known = places_of(lowering), {**_parts(lowering), **lowering.parts}
    return [Slide(each.window, known[each.blob], places) for each in readings(lowering)]


def _parts(lowering: Lowering) -> dict[str, PartsLayout]:
    """Return what the layer reads, with what its tiles reach beyond the map."""
    count, places = parts_needed(algorithm_of(lowering)), places_of(lowering)
    found = []
    for each in readings(lowering):
        plain = PartsLayout.beside(each.layout, count)
        slide = Slide(each.window, plain, places)
        needed = PartsLayout.beside(each.layout, count, border=border(slide), room=room(slide))
        found.append({each.blob: needed})
    return joined_layouts(found)


@tiled_family("channel_tiles", CHANNEL, _parts)
def tiles_step(lowering: Lowering, task: Contraction, registers: int, firsts: list[int]) -> Step:
    """Contract 32 channels of bf16 parts at a time by the tile unit, for 16 or 32 positions and as many filters."""
    how, slides = Contracting(algorithm_of(lowering), lowering.weights), _slides(lowering)
    parts, pitch = weight_parts(how.algorithm, how.weights), lowering.top().position_elements
    layouts = [slide.layout for slide in slides]
    packed = [
        pack_columns(source.weight, source.lists.used, firsts, registers, parts, lowering.weights)
        for source in task.sources
    ]
    of_step = parts * registers * ROWS * NUMBERS
    steps = [_steps(s.lists.used, slide, of_step) for s, slide in zip(task.sources, slides, strict=True)]
    strides = [slide.row_positions * slide.layout.position_elements for slide in slides]
    sizes = [tile_elements(*source.depth, parts, registers) for source in task.sources]
    numbers = np.arange(len(firsts))
    panels = np.column_stack([numbers * sizes[0], firsts, numbers * sizes[-1]])
    walk = walk_over(slides)
    tiles, spans = tiles_of_walk(walk, [slide.row_positions for slide in slides])
    words = ChannelMatrix(
        **fused_words(lowering, task.bias)
        | source_words(layouts, [source.blob for source in task.sources], weights=packed, steps=steps)
        | {"step_count": len(steps[0]), "step_count2": len(steps[-1])}
        | {"row_stride": strides[0], "row_stride2": strides[-1]},
        spans=spans * (1, 1, pitch),
        tiles=tiles * (layouts[0].position_elements, layouts[-1].position_elements, 1, 1),
        tile_count=len(tiles),
        panels=panels,
        panel_count=len(panels),
        panels_inner=sum(each.nbytes for each in packed) <= lowering.target.core_cache_bytes,
        y_pitch=pitch,
    )
    kernel = channel_matrix(how, (walk.registers, registers), epilogue_parts(lowering.layer), lowering.target)
    filters = sum(min(registers * ROWS, task.filters - first) for first in firsts)
    return Step(kernel, words, task.filter_macs * filters)


def _steps(used: Array, slide: Slide, weights: int) -> Array:
    """Return the table of steps: of each used element of the window all channels, whose weights are so many numbers."""
    layout = slide.layout
    x = slide.taps(used)[:, None] * layout.position_elements + np.arange(layout.steps) * layout.step_elements
    return np.column_stack([x.ravel(), np.arange(x.size) * weights])
