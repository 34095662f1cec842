"""Convolution and InnerProduct of blocks of images by the tile unit: tables of filters, positions and steps."""

import numpy as np

from xdn.codegen.tiles import NUMBERS, ROWS
from xdn.graph import Array
from xdn.kernels.contract.batch import rows_of_positions
from xdn.kernels.contract.matrix.batch_kernel import BatchMatrix, batch_matrix
from xdn.kernels.contract.matrix.family import tiled_family
from xdn.kernels.contract.matrix.kernel import Contracting, source_words
from xdn.kernels.contract.matrix.pack import pack_rows, tile_elements
from xdn.kernels.contract.matrix.parts import parts_needed, weight_parts
from xdn.kernels.contract.matrix.rule import algorithm_of, readings
from xdn.kernels.contract.task import Contraction
from xdn.kernels.contract.work import tile_group
from xdn.kernels.core.epilogue import epilogue_parts, fused_words
from xdn.kernels.core.family import Lowering, Step
from xdn.kernels.core.layout import BATCH
from xdn.kernels.core.parts import PartsLayout, joined_layouts, steps_of
from xdn.kernels.core.taps import TapLists


def _parts(lowering: Lowering) -> dict[str, PartsLayout]:
    """Return what the layer reads."""
    count = parts_needed(algorithm_of(lowering))
    return joined_layouts({each.blob: PartsLayout.beside(each.layout, count)} for each in readings(lowering))


@tiled_family("tiles", BATCH, _parts)
def tiles_step(lowering: Lowering, task: Contraction, registers: int, firsts: list[int]) -> Step:
    """Contract 32 channels of bf16 parts at a time by the tile unit, for 16 or 32 filters and the images of a block."""
    how, top = Contracting(algorithm_of(lowering), lowering.weights), lowering.top()
    parts = weight_parts(how.algorithm, how.weights)
    blobs = [source.blob for source in task.sources]
    known = {**_parts(lowering), **lowering.parts}
    layouts = [known[blob] for blob in blobs]
    packed = [
        pack_rows(source.weight, source.lists.used, firsts, registers, parts, lowering.weights)
        for source in task.sources
    ]
    of_step = parts * registers * ROWS * NUMBERS
    steps = [_steps(source.lists, layout, of_step) for source, layout in zip(task.sources, layouts, strict=True)]
    counts = [min(registers * ROWS, task.filters - first) for first in firsts]
    tiles = _tiles(task, firsts, counts, [tile_elements(*source.depth, parts, registers) for source in task.sources])
    positions = _positions(task, layouts, top.position_elements)
    words = BatchMatrix(
        **fused_words(lowering, task.bias) | source_words(layouts, blobs, weights=packed, steps=steps),
        tiles=tiles,
        tile_count=len(tiles),
        tile_group=tile_group(len(tiles), sum(each.nbytes for each in packed), lowering.target),
        positions=positions,
        position_count=len(positions),
    )
    kernel = batch_matrix(how, registers, epilogue_parts(lowering.layer), lowering.target)
    windows = [source.window for source in task.sources]
    rows = rows_of_positions(lowering, BatchMatrix.slots, windows, positions)
    return Step(kernel, words, task.filter_macs * sum(counts), rows)


def _tiles(task: Contraction, firsts: list[int], counts: list[int], sizes: list[int]) -> Array:
    """Return the table of tiles, whose weights for each source are so many numbers."""
    numbers = np.arange(len(firsts))
    return np.column_stack([numbers * sizes[0], firsts, counts, numbers * sizes[-1]])


def _positions(task: Contraction, layouts: list[PartsLayout], pitch: int) -> Array:
    """Return the table of positions; the first and the end of taps become those of steps."""
    found = []
    for source, layout in zip(task.sources, layouts, strict=True):
        count = steps_of(source.channels)
        found.append(source.lists.positions * (layout.position_elements, count, count, pitch))
    own, second = found[0], found[1][:, :3] if found[1:] else np.zeros((len(found[0]), 3), np.int64)
    return np.hstack([own, second])


def _steps(lists: TapLists, layout: PartsLayout, weights: int) -> Array:
    """Return the table of steps: of each tap all channels, 32 at a time, whose weights are so many numbers."""
    channels = np.arange(steps_of(layout.channels))
    x = lists.taps[:, :1] * layout.position_elements + channels * layout.step_elements
    w = (lists.taps[:, 1:] * len(channels) + channels) * weights
    return np.column_stack([x.ravel(), w.ravel()])
