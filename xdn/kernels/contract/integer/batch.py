"""Convolution and InnerProduct of 8-bit integers in blocks of images: tiles of filters, tables of positions."""

from collections.abc import Sequence

import numpy as np

from xdn.codegen.words import WORD
from xdn.element import REAL
from xdn.graph import Array
from xdn.kernels.contract.batch import rows_of_positions
from xdn.kernels.contract.integer.batch_kernel import IntegerBatch, PositionRow, TileRow, contraction, most_rows
from xdn.kernels.contract.integer.form import Form
from xdn.kernels.contract.integer.lower import in_place, integer_footprint, integer_words, residual_layout, sums_of
from xdn.kernels.contract.integer.task import IntegerTask, Span, integer_task, is_of_integers
from xdn.kernels.contract.task import spread
from xdn.kernels.contract.work import tile_group
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.layout import BlockLayout
from xdn.kernels.core.work import Phase


def tiles_of(task: IntegerTask, form: Form, most: int) -> dict[int, list[tuple[int, int]]]:
    """Return filters of a tile -> first filter of each such tile, and the one after its last.

    Where filters are stored together tiles begin with a word; the filters after the last, to the end of a word, are
    stored, too.
    """
    groups, filters, unit = task.groups, task.filters // task.groups, WORD if form.together else 1
    if filters % unit:
        # Words of filters of several groups.
        groups, filters, most = 1, task.filters, unit if groups > 1 else most
    found: dict[int, list[tuple[int, int]]] = {}
    for group in range(groups):
        first, last = group * filters, (group + 1) * filters
        for size in spread(-(-filters // unit), most // unit):
            end = min(first + size * unit, last)
            stored = end if form.top == REAL else first + size * unit
            found.setdefault(stored - first, []).append((first, end))
            first = end
    return found


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what all tiles take."""
    task = integer_task(lowering)
    tiles = tiles_of(task, Form.of(lowering), most_rows(lowering.target, len(task.sources)))
    return (sums_of(lowering, task).by_images([rows for rows, ranges in tiles.items() for _ in ranges]),)


@family(
    "integers",
    "Convolution",
    "Deconvolution",
    "InnerProduct",
    when=is_of_integers,
    quantized=True,
    fuses=True,
    footprint=integer_footprint,
    phases=_phases,
)
def lower_integers(lowering: Lowering) -> Lowered:
    """Contract taps and words of four channels; one step for each number of filters that the tiles have."""
    task, form = integer_task(lowering), Form.of(lowering)
    steps = [
        _step(lowering, task, form, *tiles)
        for tiles in tiles_of(task, form, most_rows(lowering.target, len(task.sources))).items()
    ]
    return Lowered(steps, in_place=in_place(lowering))


def _step(lowering: Lowering, task: IntegerTask, form: Form, rows: int, ranges: list[tuple[int, int]]) -> Step:
    """Return the step for the tiles of `rows` filters."""
    cuts = [source.spans(ranges) for source in task.sources]
    packed = [source.pack(*cut, rows) for source, cut in zip(task.sources, cuts, strict=True)]
    runs = [source.runs(lowering.top(), width) for source, (_, width) in zip(task.sources, cuts, strict=True)]
    filters = max(first + rows for first, _ in ranges)
    values, biases = integer_words(lowering, task, packed, [table for _, table in runs], max(filters, task.filters))
    tiles = _tiles([spans for spans, _ in cuts], packed, lowering)
    positions = _positions([each for each, _ in runs], biases, residual_layout(lowering))
    words = form.declared(IntegerBatch)(
        **values,
        tiles=tiles,
        tile_count=len(tiles),
        tile_group=tile_group(len(tiles), sum(each.nbytes for each in packed), lowering.target),
        positions=positions,
        position_count=len(positions),
    )
    macs = task.filter_macs * sum(end - first for first, end in ranges)
    windows = [each.source.window for each in task.sources]
    step_rows = rows_of_positions(lowering, IntegerBatch.slots, windows, positions)
    return Step(contraction(rows, form, lowering.target), words, macs, step_rows)


def _tiles(spans: Sequence[Sequence[Span]], packed: Sequence[Array], lowering: Lowering) -> Array:
    """Return the kernel's table of tiles, whose filters and channels `spans` has for each source."""
    own, found = spans[0], np.zeros((len(spans[0]), TileRow.size), np.int64)
    found[:, TileRow.channel.slot] = [span.first for span in own]
    slots = ((TileRow.x, TileRow.weights), (TileRow.x2, TileRow.weights2))
    for (x, weights), each, array in zip(slots, spans, packed, strict=False):
        found[:, x.slot] = [span.word * WORD * lowering.target.block_images for span in each]
        found[:, weights.slot] = np.arange(len(own)) * (len(array) // len(own))
    return found


def _positions(sources: Sequence[Array], biases: Sequence[Array], residual: BlockLayout | None) -> Array:
    """Return the kernel's table of positions, of what `IntegerSource.runs` and `integer_words` give."""
    own, found = sources[0], np.zeros((len(sources[0]), PositionRow.size), np.int64)
    found[:, PositionRow.y.slot] = own[:, 3]
    if residual is not None:
        found[:, PositionRow.residual.slot] = np.arange(len(own)) * residual.position_elements
    for first, bias, each, begins in zip(
        (PositionRow.x, PositionRow.x2), (PositionRow.bias, PositionRow.bias2), sources, biases, strict=False
    ):
        found[:, first.slot : first.slot + 3] = each[:, :3]
        found[:, bias.slot] = begins
    return found
