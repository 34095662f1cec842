"""Convolution and InnerProduct of 8-bit integers or bf16, of one image: tiles of positions, panels of filters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xdn.graph import Array
from xdn.kernels.contract.channel import best_order, best_tile
from xdn.kernels.contract.channel_kernel import PanelRow
from xdn.kernels.contract.matrix.blobs.rule import dots_choices
from xdn.kernels.contract.task import spread
from xdn.kernels.contract.tiles import class_tiles, position_classes
from xdn.kernels.contract.words.channel_kernel import WordChannel, contraction
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
from xdn.kernels.contract.words.task import CONTRACTED, Span, WordTask, is_of_integers
from xdn.kernels.core.choice import PANELS
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.work import Phase


@dataclass(frozen=True)
class _Cut:
    """How a contraction is cut into tiles.

    Parameters
    ----------
    rows : int
        Positions of a tile.
    panels : mapping
        Vectors of a panel -> first filter of each such panel, and the one after its last.
    order : str
        One of `ORDERS`.
    phase : Phase
        What all of it takes.
    """

    rows: int
    panels: dict[int, list[tuple[int, int]]]
    order: str
    phase: Phase


def _cut(lowering: Lowering, task: WordTask) -> _Cut:
    """Return how a contraction is cut, so that it takes the least time.

    Where the filters of a group do not fill vectors, panels are single vectors, wherever groups begin and end.
    """
    lanes, groups, filters = lowering.target.lanes, task.groups, task.filters // task.groups
    across = groups > 1 and filters % lanes != 0
    if across:
        groups, filters = -(-task.filters // lanes), lanes
    sums = sums_of(lowering, task)
    rows, vectors = best_tile(sums, filters, groups, lowering.setting)
    if len(task.sources) > 1 and Form.of(lowering).scaled:
        # Sums of both are in registers at the end.
        rows = max(1, rows // 2)
    sizes = spread(-(-filters // lanes), vectors)
    order = best_order(sums, rows, sizes * groups, lowering.setting)
    panels: dict[int, list[tuple[int, int]]] = {}
    for group in range(groups):
        first, last = group * filters, min((group + 1) * filters, task.filters)
        for size in sizes:
            panels.setdefault(size, []).append((first, min(first + size * lanes, last)))
            first += size * lanes
    return _Cut(rows, panels, order, sums.by_channels(rows, sizes * groups, order))


_ALIKE: dict[str, Any] = {
    "fuses": True,
    "schedules": (CHANNEL,),
    "scalars": True,
    "choices": dots_choices,
    "footprint": integer_footprint,
    "phases": lambda lowering: (_cut(lowering, word_task(lowering)).phase,),
}


@family("channel_integers", *CONTRACTED, when=is_of_integers, quantized=True, **_ALIKE)
@family("channel_pairs", *CONTRACTED, when=is_of_bf16, bf16=True, **_ALIKE)
def lower_words(lowering: Lowering) -> Lowered:
    """Contract taps and words of channels for several positions; one step for each size of panels."""
    task, form = word_task(lowering), Form.of(lowering)
    cut = _cut(lowering, task)
    steps = [_step(lowering, task, form, cut, *panels) for panels in cut.panels.items()]
    return Lowered(steps, in_place=in_place(lowering))


def _step(
    lowering: Lowering, task: WordTask, form: Form, cut: _Cut, vectors: int, ranges: list[tuple[int, int]]
) -> Step:
    """Return the step for panels of so many vectors."""
    lanes, top = lowering.target.lanes, lowering.top()
    cuts = [source.spans(ranges) for source in task.sources]
    packed = [s.pack(*each, vectors * lanes, lanes) for s, each in zip(task.sources, cuts, strict=True)]
    runs = [source.runs(top, width) for source, (_, width) in zip(task.sources, cuts, strict=True)]
    filters = -(-task.filters // lanes) * lanes
    values, biases = integer_words(lowering, task, packed, [table for _, table in runs], filters)
    panels = _panels([spans for spans, _ in cuts], packed, task.sources[0].together)
    tiles = _tiles(lowering, [each for each, _ in runs], biases, cut.rows)
    words = form.declared(WordChannel)(
        **values,
        panels=panels,
        panel_count=len(panels),
        panels_inner=cut.order == PANELS,
        tiles=tiles,
        tile_count=len(tiles),
        tile_words=tiles.shape[1],
    )
    macs = task.filter_macs * sum(end - first for first, end in ranges)
    return Step(contraction((cut.rows, vectors), form, lowering.target), words, macs)


def _panels(spans: Sequence[Sequence[Span]], packed: Sequence[Array], together: int) -> Array:
    """Return the kernel's table of panels, whose filters and channels, so many a word, `spans` has for each source."""
    own, found = spans[0], np.zeros((len(spans[0]), PanelRow.size), np.int64)
    found[:, PanelRow.x.slot] = [span.word * together for span in own]
    found[:, PanelRow.channel.slot] = [span.first for span in own]
    for field, array in zip((PanelRow.weights, PanelRow.weights2), packed, strict=False):
        found[:, field.slot] = np.arange(len(own)) * (len(array) // len(own))
    return found


def _tiles(lowering: Lowering, positions: Sequence[Array], biases: Sequence[Array], rows: int) -> Array:
    """Return the kernel's table of tiles, with the places of their biases and residuals."""
    tiles = class_tiles(positions, position_classes(positions), rows)
    numbers = tiles[:, 2 + rows : 2 + 2 * rows] // lowering.top().position_elements
    first = np.zeros((len(tiles), 2), np.int64)
    for column, begins in zip(first.T, biases, strict=False):
        column[:] = begins[numbers[:, 0]]
    residual = residual_layout(lowering)
    places = numbers * (0 if residual is None else residual.position_elements)
    return np.hstack([tiles, first, places])
