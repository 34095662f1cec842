"""Convolution and InnerProduct of 8-bit integers or bf16 in blocks of images: tiles of filters, tables of positions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from xdn.codegen.target import MADD, TWOS
from xdn.element import REAL
from xdn.graph import Array
from xdn.kernels.contract.batch import rows_of_positions
from xdn.kernels.contract.matrix.blobs.rule import dots_choices
from xdn.kernels.contract.task import spread
from xdn.kernels.contract.words.batch_kernel import PositionRow, TileRow, WordBatch, contraction, most_rows
from xdn.kernels.contract.words.form import Form
from xdn.kernels.contract.words.lower import (
    in_place,
    integer_footprint,
    integer_words,
    residual_layout,
    sums_of,
    word_task,
)
from xdn.kernels.contract.words.pairs import is_of_bf16
from xdn.kernels.contract.words.task import CONTRACTED, IntegerSource, Span, WordTask, is_of_integers
from xdn.kernels.contract.words.twos import begins_of, cost_of, pack_twos, tap_runs
from xdn.kernels.contract.work import tile_group
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.layout import BlockLayout
from xdn.kernels.core.work import Phase

#: How much faster words in twos are than ``vpmaddwd``: on a Zen 4 held to AVX2, with the weights of a ResNet-50.
_TWOS_GAIN = 1.1


def tiles_of(task: WordTask, form: Form, most: int) -> dict[int, list[tuple[int, int]]]:
    """Return filters of a tile -> first filter of each such tile, and the one after its last.

    Where filters are stored together tiles begin with a word; the filters after the last, to the end of a word, are
    stored, too.
    """
    groups, filters, unit = task.groups, task.filters // task.groups, form.together
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


def _tiles_of(lowering: Lowering, task: WordTask, form: Form) -> dict[int, list[tuple[int, int]]]:
    return tiles_of(task, form, most_rows(lowering.target, form.x, len(task.sources)))


def _in_twos(lowering: Lowering) -> Lowering | None:
    """Return the lowering for a target that multiplies words in twos where it has ``vpmaddwd``; None where it cannot.

    Of a transposed window taps are not at the same places after all positions.
    """
    target = lowering.target
    if target.dots != MADD or lowering.layer.reads_bf16:
        return None
    if any(source.source.window.transposed for source in word_task(lowering).sources):
        return None
    rates = replace(target.rates, dots=_TWOS_GAIN * target.rates.dots)
    return replace(lowering, target=replace(target, dots=TWOS, rates=rates))


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what all tiles take."""
    lowering = _in_twos(lowering) or lowering
    task = word_task(lowering)
    tiles = _tiles_of(lowering, task, Form.of(lowering))
    return (sums_of(lowering, task).by_images([rows for rows, ranges in tiles.items() for _ in ranges]),)


def _faster(lowering: Lowering, rows: int, ranges: list[tuple[int, int]]) -> Lowering:
    """Return the lowering in whose way tiles of `rows` filters take less time: in twos, if few weights are large."""
    twos = _in_twos(lowering)
    if twos is None:
        return lowering
    cost, words = 0.0, 0
    for source in cast(Sequence[IntegerSource], word_task(twos).sources):
        spans, width = source.spans(ranges)
        cost += cost_of(pack_twos(source, spans, width, rows))
        words += len(spans) * len(source.source.lists.used) * width
    return twos if cost < words else lowering


_ALIKE: dict[str, Any] = {"fuses": True, "choices": dots_choices, "footprint": integer_footprint, "phases": _phases}


@family("integers", *CONTRACTED, when=is_of_integers, quantized=True, **_ALIKE)
@family("pairs", *CONTRACTED, when=is_of_bf16, bf16=True, **_ALIKE)
def lower_words(lowering: Lowering) -> Lowered:
    """Contract taps and words of channels; one step for each number of filters that the tiles have."""
    steps = []
    for rows, ranges in _tiles_of(lowering, word_task(lowering), Form.of(lowering)).items():
        own = _faster(lowering, rows, ranges)
        steps.append(_step(own, word_task(own), Form.of(own), rows, ranges))
    return Lowered(steps, in_place=in_place(lowering))


def _step(lowering: Lowering, task: WordTask, form: Form, rows: int, ranges: list[tuple[int, int]]) -> Step:
    """Return the step for the tiles of `rows` filters."""
    cuts = [source.spans(ranges) for source in task.sources]
    pairs = [*zip(task.sources, cuts, strict=True)]
    if form.dots == TWOS:
        packed = [pack_twos(cast(IntegerSource, source), *cut, rows) for source, cut in pairs]
        runs = [tap_runs(cast(IntegerSource, source), lowering.top()) for source in task.sources]
    else:
        packed = [source.pack(*cut, rows) for source, cut in pairs]
        runs = [source.runs(lowering.top(), width) for source, (_, width) in pairs]
    filters = max(first + rows for first, _ in ranges)
    values, biases = integer_words(lowering, task, packed, [table for _, table in runs], max(filters, task.filters))
    tiles = _tiles([spans for spans, _ in cuts], packed, lowering)
    positions = position_table([each for each, _ in runs], biases, residual_layout(lowering))
    words = form.declared(WordBatch)(
        **values,
        tiles=tiles,
        tile_count=len(tiles),
        tile_group=tile_group(len(tiles), sum(each.nbytes for each in packed), lowering.target),
        positions=positions,
        position_count=len(positions),
    )
    macs = task.filter_macs * sum(end - first for first, end in ranges)
    windows = [each.source.window for each in task.sources]
    step_rows = rows_of_positions(lowering, WordBatch.slots, windows, positions)
    return Step(contraction(rows, form, lowering.target), words, macs, step_rows)


def _tiles(spans: Sequence[Sequence[Span]], packed: Sequence[Array], lowering: Lowering) -> Array:
    """Return the kernel's table of tiles, whose filters and channels `spans` has for each source."""
    own, found, width = spans[0], np.zeros((len(spans[0]), TileRow.size), np.int64), _word_elements(lowering)
    found[:, TileRow.channel.slot] = [span.first for span in own]
    slots = ((TileRow.x, TileRow.weights), (TileRow.x2, TileRow.weights2))
    for (x, weights), each, array in zip(slots, spans, packed, strict=False):
        found[:, x.slot] = [span.word * width for span in each]
        twos = lowering.target.dots == TWOS
        each_tile = np.arange(len(own)) * (len(array) // len(own))
        found[:, weights.slot] = begins_of(array, len(own)) if twos else each_tile
    return found


def _word_elements(lowering: Lowering) -> int:
    """Return the elements of a word of all images of a block."""
    return lowering.bottom().interleave * lowering.target.block_images


def position_table(sources: Sequence[Array], biases: Sequence[Array], residual: BlockLayout | None) -> Array:
    """Return the kernel's table of positions, of what `WordSource.runs` and `integer_words` give."""
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
