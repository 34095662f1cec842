"""Contractions of integers and bf16 in blocks of images by the tile unit: tables of filters, positions and steps."""

import numpy as np

from xdn.codegen.tiles import ROW_BYTES, ROWS, WORDS
from xdn.graph import Array
from xdn.kernels.contract.batch import rows_of_positions
from xdn.kernels.contract.matrix.blobs.batch_kernel import BlobBatch, contraction
from xdn.kernels.contract.matrix.blobs.family import blob_families
from xdn.kernels.contract.matrix.blobs.pack import Filters, pack, steps_of_words
from xdn.kernels.contract.matrix.blobs.rule import phase_of
from xdn.kernels.contract.matrix.kernel import StepRow
from xdn.kernels.contract.matrix.pack import filter_tiles
from xdn.kernels.contract.task import Source
from xdn.kernels.contract.words.batch import position_table
from xdn.kernels.contract.words.form import Form
from xdn.kernels.contract.words.lower import integer_words, residual_layout, word_task
from xdn.kernels.contract.words.task import WordTask
from xdn.kernels.contract.work import tile_group
from xdn.kernels.core.family import Lowering, Step
from xdn.kernels.core.layout import BATCH
from xdn.kernels.core.work import Phase

#: How much longer a register of filters takes by itself than one of two, of which each load serves two multiplications.
_ALONE = 1.25


def _phase(lowering: Lowering) -> Phase:
    """Return what the tiles take."""
    task, images = word_task(lowering), lowering.target.block_images
    sizes = [(size, len(firsts)) for size, firsts in filter_tiles(task.filters).items()]
    registers = sum(count * size * (_ALONE if size == 1 else 1) for size, count in sizes)
    pairs = [(each.source.lists, len(cut.firsts)) for each, cut in zip(task.sources, steps_of_words(task), strict=True)]
    steps = sum(lists.multiplications * count for lists, count in pairs)
    taken = sum(len(lists.used) * count for lists, count in pairs)
    filled = registers * ROWS * WORDS * task.sources[0].together
    ends = len(task.sources) * lowering.top().positions * -(-task.filters // ROWS) * images / ROWS
    return phase_of(lowering, steps * filled * images, ends, taken * registers * ROWS * ROW_BYTES)


@blob_families(BATCH, _phase)
def tiles_step(lowering: Lowering, task: WordTask, registers: int, firsts: list[int]) -> Step:
    """Contract 16 words of channels at a time by the tile unit, for 16 or 32 filters and the images of a block."""
    cuts = [Filters(steps, registers, columns=False) for steps in steps_of_words(task)]
    packed = [pack(source, firsts, cut) for source, cut in zip(task.sources, cuts, strict=True)]
    tables = [_steps(each.source, cut) for each, cut in zip(task.sources, cuts, strict=True)]
    filters = max(firsts) + registers * ROWS
    values, _ = integer_words(lowering, task, packed, tables, max(filters, task.filters))
    counts = [min(registers * ROWS, task.filters - first) for first in firsts]
    numbers, sizes = np.arange(len(firsts)), [len(each) // len(firsts) for each in packed]
    tiles = np.column_stack([numbers * sizes[0], firsts, counts, numbers * sizes[-1]])
    pitch, no_bias = lowering.top().position_elements, np.zeros(lowering.top().positions, np.int64)
    own = [_positions(each.source, cut, pitch) for each, cut in zip(task.sources, cuts, strict=True)]
    positions = position_table(own, [no_bias] * len(own), residual_layout(lowering))
    form, depth = Form.of(lowering), cuts[0].steps.depth
    words = form.declared(BlobBatch)(
        **values,
        tiles=tiles,
        tile_count=len(tiles),
        tile_group=tile_group(len(tiles), sum(each.nbytes for each in packed), lowering.target),
        positions=positions,
        position_count=len(positions),
    )
    windows = [each.source.window for each in task.sources]
    rows = rows_of_positions(lowering, BlobBatch.slots, windows, positions)
    return Step(contraction(registers, depth, form, lowering.target), words, task.filter_macs * sum(counts), rows)


def _positions(source: Source, cut: Filters, pitch: int) -> Array:
    """Return (x, first step, end of steps, y) of each position, in elements."""
    count = len(cut.steps.firsts)
    return source.lists.positions * (source.layout.position_elements, count, count, pitch)


def _steps(source: Source, cut: Filters) -> Array:
    """Return the table of steps of all taps."""
    layout, steps = source.layout, cut.steps
    found = np.zeros((len(source.lists.taps), len(steps.firsts), StepRow.size), np.int64)
    words = np.array(steps.firsts) * steps.together * layout.images
    found[..., StepRow.x.slot] = source.lists.taps[:, :1] * layout.position_elements + words
    numbers = source.lists.taps[:, 1:] * len(words) + np.arange(len(words))
    found[..., StepRow.weights.slot] = numbers * cut.step_words
    return found.reshape(-1, StepRow.size)
