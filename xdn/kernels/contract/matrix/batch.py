"""Convolution and InnerProduct of blocks of images by the tile unit: tables of filters, positions and steps."""

import numpy as np

from xdn.codegen.tiles import NUMBERS, ROWS
from xdn.graph import Array
from xdn.kernels.contract.batch import tile_group
from xdn.kernels.contract.matrix.batch_kernel import BatchMatrix, batch_matrix
from xdn.kernels.contract.matrix.family import algorithm_of, tiled_family
from xdn.kernels.contract.matrix.pack import pack_rows, tile_elements
from xdn.kernels.contract.matrix.parts import parts_needed
from xdn.kernels.contract.task import Contraction
from xdn.kernels.core.epilogue import epilogue_parts, fused_words
from xdn.kernels.core.family import Lowering, Step
from xdn.kernels.core.layout import BATCH
from xdn.kernels.core.parts import PartsLayout, parts_name, steps_of
from xdn.kernels.core.taps import TapLists


def _parts(lowering: Lowering) -> dict[str, PartsLayout]:
    """Return what the layer reads of its bottom."""
    return {lowering.layer.bottoms[0]: PartsLayout.beside(lowering.bottom(), parts_needed(algorithm_of(lowering)))}


@tiled_family("tiles", BATCH, _parts)
def tiles_step(lowering: Lowering, task: Contraction, registers: int, firsts: list[int]) -> Step:
    """Contract 32 channels of bf16 parts at a time by the tile unit, for 16 or 32 filters and the images of a block."""
    algorithm, bottom = algorithm_of(lowering), lowering.layer.bottoms[0]
    (source,), layout = task.sources, lowering.parts[bottom]
    parts, lists = parts_needed(algorithm), source.lists
    packed = pack_rows(source.weight, lists.used, firsts, registers, parts, lowering.weights)
    counts = [min(registers * ROWS, task.filters - first) for first in firsts]
    size = tile_elements(len(lists.used), source.channels, parts, registers)
    tiles = np.array([(i * size, *each) for i, each in enumerate(zip(firsts, counts, strict=True))], np.int64)
    count = steps_of(source.channels)
    # First and end of taps become those of steps.
    positions = lists.positions * (layout.position_elements, count, count, lowering.top().position_elements)
    own = {
        "x": parts_name(bottom),
        "x_block": layout.block_elements,
        "weights": packed,
        "steps": _steps(lists, layout, count, parts * registers * ROWS * NUMBERS),
    }
    words = BatchMatrix(
        **fused_words(lowering, task.bias) | own,
        tiles=tiles,
        tile_count=len(tiles),
        tile_group=tile_group(len(tiles), packed.nbytes, lowering.target),
        positions=positions,
        position_count=len(positions),
    )
    kernel = batch_matrix(algorithm, registers, epilogue_parts(lowering.layer), lowering.target)
    return Step(kernel, words, task.filter_macs * sum(counts))


def _steps(lists: TapLists, layout: PartsLayout, count: int, weights: int) -> Array:
    """Return the table of steps: `count` for each tap, whose weights are so many numbers."""
    channels = np.arange(count)
    x = lists.taps[:, :1] * layout.position_elements + channels * layout.step_elements
    w = (lists.taps[:, 1:] * count + channels) * weights
    return np.column_stack([x.ravel(), w.ravel()])
