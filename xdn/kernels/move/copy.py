"""Layers that only move data, such as Concat, Slice, Permute; and those that not even do that.

What a layer moves where is asked of its reference: it is given numbers in place of values, and where each number is
found again is where that value goes. Elements whose neighbours move along with them make runs::

    for run in runs:
        for i in range(length[run]):
            y[y_at[run] + i] = x[x_at[run] + i]            0 where x_at is NOTHING

Where several channels of an image lie together, words of those that stay together make runs, others are moved by
`xdn/kernels/move/words.py`. What is padding in a blob of bf16 becomes zeros.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from xdn import memory
from xdn.codegen.intrinsics import at_element
from xdn.codegen.source import KernelBody
from xdn.element import BF16, ELEMENTS, S64
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Size
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import BOTH, BlockLayout
from xdn.kernels.core.portion import portion
from xdn.kernels.core.work import Phase
from xdn.kernels.move.words import NOTHING, Patch, parted, patch_body, word_rows
from xdn.memory import Need

#: Elements of a top that are looked at a time.
_PART = 1 << 18
#: Cycles for a run beside those for its vectors.
_RUN_CYCLES = 35.0
#: What is moved as it is may be of any element.
_ALL = tuple(ELEMENTS.values())


class Copy(Descriptor):
    """Elements of blocks, and a table with rows (x offset, y offset, length), in elements."""

    x, y = Place(), Place()
    x_block, y_block, run_count = Size(), Size(), Size()
    runs = Pointer(S64)


def _copy() -> KernelBody:
    def copy(d, frame):
        runs = d.runs
        first, end = portion(frame, d.run_count)
        for block in range(frame.blocks):
            x, y = at_element(frame, d.x, block * d.x_block), at_element(frame, d.y, block * d.y_block)
            for r in range(first, end):
                x_at, y_at, length = runs[3 * r], runs[3 * r + 1], runs[3 * r + 2]
                if x_at < 0:
                    for i in range(length):
                        y[y_at + i] = 0
                else:
                    for i in range(length):
                        y[y_at + i] = x[x_at + i]

    return copy


def _numbered(lowering: Lowering) -> tuple[list[np.ndarray], list[int]]:
    """Return for each top the numbers of the elements that it takes, from 1 on (0: zero), and where bottoms begin."""
    begins = [1]
    for blob in lowering.bottoms:
        begins.append(begins[-1] + blob.image_size)
    dtype = np.int32 if begins[-1] < 1 << 31 else np.int64
    numbers = [
        np.arange(begin, begin + blob.image_size, dtype=dtype).reshape(1, *blob.shape[1:])
        for begin, blob in zip(begins, lowering.bottoms, strict=False)
    ]
    return [top.ravel() for top in lowering.params.reference(numbers, {}, len(lowering.tops))], begins


def _runs(x: np.ndarray, y: np.ndarray, unit: int) -> np.ndarray:
    """Return rows (x, y, length) that cover the moves of `unit` elements each from places x to places y, ascending."""
    nothing = (x[1:] < 0) & (x[:-1] < 0)
    goes_on = (np.diff(y) == unit) & ((np.diff(x) == unit) & (x[:-1] >= 0) | nothing)
    starts = np.flatnonzero(np.concatenate([[True], ~goes_on]))
    lengths = np.diff(np.append(starts, len(x))) * unit
    return np.stack([x[starts], y[starts], lengths], axis=1)


def _steps(lowering: Lowering, blobs: tuple[int, int], table: np.ndarray) -> list[Step]:
    """Return the steps that move what a table says from a bottom to a top."""
    layer, (bottom, top) = lowering.layer, blobs
    layout, steps = lowering.top(top), []
    sizes = {"x_block": lowering.bottom(bottom).block_elements, "y_block": layout.block_elements}
    told = {"x": layer.bottoms[bottom], "y": layer.tops[top], **sizes}
    runs, rows = (table, ()) if layout.interleave == 1 else parted(table, layout)
    if len(runs):
        runs = runs if runs is table else _joined(runs)
        steps.append(lowering.step("copy", _copy, Copy(**told, run_count=len(runs), runs=runs), serves_both=True))
    if len(rows):
        body = partial(patch_body, lowering.target, layout.element)
        steps.append(lowering.step("patch", body, Patch(**told, row_count=len(rows), rows=rows)))
    return steps


def _places(layout: BlockLayout, elements: np.ndarray) -> np.ndarray:
    """Return where elements of an image, numbered as C, H, W, lie in its block, in elements."""
    c, position = np.divmod(elements, layout.positions)
    places: np.ndarray = layout.place(position, c)
    return places


def _alike(lowering: Lowering, taken: np.ndarray, top: int, begins: Sequence[int]) -> dict[int, np.ndarray] | None:
    """Return the tables of `_moves` where channels are moved whole: one of a position, repeated; None elsewhere."""
    layout = lowering.top(top)
    rows = taken.reshape(layout.channels, layout.positions)
    owners = np.searchsorted(begins, rows[:, 0], side="right") - 1
    sizes = np.array([lowering.bottom(bottom).positions for bottom in range(len(lowering.bottoms))])
    whole = (owners >= 0) & (sizes[owners] == layout.positions)
    if not whole.all() or ((rows[:, 0] - np.take(begins, owners)) % layout.positions).any():
        return None
    if any((np.diff(part, axis=1) != 1).any() for part in np.array_split(rows, -(-taken.size // _PART))):
        return None
    found, position = {}, np.arange(layout.positions)[:, None]
    for bottom in np.unique(owners).tolist():
        own, source = owners == bottom, lowering.bottom(bottom)
        x = source.place(0, (rows[own, 0].astype(np.int64) - begins[bottom]) // layout.positions)
        table = _runs(x, layout.place(0, np.flatnonzero(own)), layout.images)
        memory.require(
            [Need(lowering.layer.place, 2 * table.nbytes * layout.positions)], "the table of what moves where"
        )
        steps = position * (source.position_elements, layout.position_elements, 0)
        found[bottom] = _joined((steps[:, None] + table).reshape(-1, 3))
    return found


def _joined(table: np.ndarray) -> np.ndarray:
    """Return the runs of a table, those that follow each other in both blobs as one."""
    ends = table[:-1, :2] + table[:-1, 2:]
    starts = np.flatnonzero(np.append(True, (ends != table[1:, :2]).any(axis=1)))
    lengths = np.add.reduceat(table[:, 2], starts)
    return np.column_stack([table[starts, :2], lengths])


def _moves(lowering: Lowering, taken: np.ndarray, top: int, begins: Sequence[int]) -> dict[int, np.ndarray]:
    """Return bottom -> the table of its runs, or rows of words, for each bottom of which a top takes something.

    A part of the top at a time: what is worked out for each element takes more room than the blobs.
    """
    layout = lowering.top(top)
    together, unit = layout.interleave > 1, layout.images
    if not together and (alike := _alike(lowering, taken, top, begins)) is not None:
        return alike
    found: dict[int, list[np.ndarray]] = {}
    kept = 0
    for first in range(0, len(taken), _PART):
        # In the order in which elements lie: position by position.
        position, c = np.divmod(np.arange(first, min(first + _PART, len(taken))), layout.channels)
        numbers = taken[c * layout.positions + position]
        y = layout.place(position, c)
        # Zeros come along with the first bottom.
        owners = np.maximum(np.searchsorted(begins, numbers, side="right") - 1, 0)
        order = np.argsort(owners, kind="stable")
        taking, starts = np.unique(owners[order], return_index=True)
        for bottom, own in zip(taking.tolist(), np.split(order, starts[1:]), strict=True):
            elements = numbers[own].astype(np.int64) - begins[bottom]
            x = np.where(elements < 0, NOTHING, _places(lowering.bottom(bottom), elements))
            last = c[own] == layout.channels - 1
            moved = word_rows(x, y[own], last, layout.element) if together else _runs(x, y[own], unit)
            found.setdefault(bottom, []).append(moved)
            kept += 2 * found[bottom][-1].nbytes
        memory.require([Need(lowering.layer.place, kept)], "the table of what moves where")
    return {bottom: np.ascontiguousarray(np.concatenate(tables), np.int64) for bottom, tables in sorted(found.items())}


def _footprint(lowering: Lowering) -> Footprint:
    """Return what the numbers of all elements take; the table of runs, which may be short, is looked at as it grows."""
    elements = sum(blob.image_size for blob in (*lowering.bottoms, *lowering.tops, *lowering.tops))
    return Footprint(0, 4 * elements + 100 * _PART)


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what is moved: of most layers each position of each bottom is a run."""
    runs = sum(lowering.bottom(number).positions for number in range(len(lowering.bottoms)))
    (phase,) = lowering.moving(more_cycles=_RUN_CYCLES * runs)
    return (replace(phase, parts=runs),)


@family(
    "move",
    when=lambda lowering: lowering.params.moves_only(lowering.bottoms),
    schedules=BOTH,
    elements=_ALL,
    footprint=_footprint,
    phases=_phases,
)
def lower_move(lowering: Lowering) -> Lowered:
    """Move elements to other places: nothing to do where they lie there already."""
    layer = lowering.layer
    taken, begins = _numbered(lowering)
    steps, aliases = [], {}
    for number, top in enumerate(layer.tops):
        moves = _moves(lowering, taken[number], number, begins)
        (bottom, table), *others = moves.items()
        if not others and _stays(table) and _same_block(lowering, bottom, number):
            aliases[top] = layer.bottoms[bottom]
            continue
        padding = _padding(lowering.top(number))
        for bottom, table in moves.items():
            steps += _steps(lowering, (bottom, number), np.concatenate([table, padding[:, : table.shape[1]]]))
            padding = padding[:0]
    return Lowered(steps, aliases=aliases)


def _padding(layout: BlockLayout) -> np.ndarray:
    """Return the rows that make zeros of what is padding in a blob of bf16: what is multiplied by 0 must be finite."""
    positions, channels = layout.positions, layout.channels
    if layout.element != BF16 or channels * layout.images == layout.position_elements:
        return np.empty((0, 4), np.int64)
    if layout.interleave > 1:
        last = np.zeros(positions, bool)
        return word_rows(
            np.full(positions, NOTHING), layout.place(np.arange(positions), channels), last, layout.element
        )
    zeros = np.full((positions, 4), NOTHING)
    zeros[:, 1] = layout.place(np.arange(positions), channels)
    zeros[:, 2] = layout.position_elements - channels
    return zeros


def _stays(table: np.ndarray) -> bool:
    """Return whether everything that a table moves stays where it is; then no word is rotated either."""
    return np.array_equal(table[:, 0], table[:, 1]) and not (table.shape[1] == 4 and table[:, 2].any())


def _same_block(lowering: Lowering, bottom: int, top: int) -> bool:
    """Return whether blocks of both blobs are of one size, so that one can stand for the other."""
    return lowering.bottom(bottom).block_elements == lowering.top(top).block_elements


@family(
    "identity",
    "Dropout",
    when=lambda lowering: lowering.params.factor == 1,
    schedules=BOTH,
    elements=_ALL,
)
def lower_identity(lowering: Lowering) -> Lowered:
    """Nothing: the top is the bottom."""
    layer = lowering.layer
    return Lowered(aliases=dict.fromkeys(layer.tops, layer.bottoms[0]))
