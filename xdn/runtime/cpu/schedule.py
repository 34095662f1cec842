"""In which order the steps of a plan pass over the blocks and rows of a chunk.

A chunk is run segment by segment. A segment takes a few blocks at a time through all of its steps, so that early
layers, whose blobs are large, stay in cache, and late layers, whose weights are large, reuse them over more images::

    for segment in segments:
        for blocks in parts of the chunk:
            for stretch in segment.stretches:
                one step over all rows, or
                for block in blocks:
                    for band in the map:                  consecutive steps, each a few rows ahead of the next
                        for step in stretch

The order changes no result: every value is computed by the same operations, from the same values.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import NamedTuple

import numpy as np

from xdn import settings
from xdn.graph import Array
from xdn.kernels.core.family import Reach, Step
from xdn.kernels.core.layout import BlockLayout
from xdn.runtime.cpu.bands import Call, banded


@dataclass(frozen=True)
class Stretch:
    """Consecutive steps, `first` <= number < `end`.

    Parameters
    ----------
    first, end : int
    calls : tuple of Call
        How a block's rows pass through the steps in bands; empty where each step takes all rows.
    """

    first: int
    end: int
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True)
class Segment:
    """Consecutive stretches that take `blocks` blocks of images at a time through all of them."""

    stretches: tuple[Stretch, ...]
    blocks: int

    @property
    def first(self) -> int:
        """Number of the first step."""
        return self.stretches[0].first

    @property
    def end(self) -> int:
        """Number after that of the last step."""
        return self.stretches[-1].end


class Pass(NamedTuple):
    """One call of one step: which blocks of the chunk, and which units of rows (0 units: all)."""

    step: int
    first_block: int
    blocks: int
    first_unit: int = 0
    units: int = 0


def passes(segments: Sequence[Segment], chunk_blocks: int) -> Array:
    """Return the calls that take a chunk through all segments, in order: (calls, 5) int64, the fields of `Pass`."""
    parts = []
    for segment in segments:
        # Blocks of a part -> its passes, as if it began at block 0.
        made: dict[int, Array] = {}
        for first in range(0, chunk_blocks, segment.blocks):
            blocks = min(segment.blocks, chunk_blocks - first)
            if blocks not in made:
                passed = (_of_stretch(stretch, blocks) for stretch in segment.stretches)
                made[blocks] = np.array([*chain.from_iterable(passed)], np.int64)
            parts.append(made[blocks] + Pass(0, first, 0))
    return np.concatenate(parts)


def _of_stretch(stretch: Stretch, blocks: int) -> Iterator[Pass]:
    """Return the passes of a stretch over the blocks from 0 on."""
    if stretch.calls:
        return (Pass(call.step, block, 1, call.first, call.units) for block in range(blocks) for call in stretch.calls)
    return (Pass(step, 0, blocks) for step in range(stretch.first, stretch.end))


class Order:
    """The segments of a plan by the steps that they hold, each of which is in one stretch of one segment."""

    def __init__(self, segments: Sequence[Segment]):
        #: For each step, in order.
        self._places = [(s, each) for s in segments for each in s.stretches for _ in range(each.first, each.end)]

    def segment_of(self, numbers: Sequence[int]) -> Segment | None:
        """Return the segment that holds all the steps `numbers`, None where they are in several."""
        first, last = (self._places[number][0] for number in (min(numbers), max(numbers)))
        return first if first is last else None

    def kept(self, numbers: Sequence[int], chunk_blocks: int) -> tuple[int, int]:
        """Return the first and the last step during which a buffer must be kept that the steps `numbers` touch.

        A stretch in bands comes back to its first step before it is through, and so does a segment that takes a chunk
        in several parts: a buffer that such a stretch touches is kept for all of it, and one that several segments
        touch for the whole of those among them that come back.
        """
        first, last = min(numbers), max(numbers)
        several = self.segment_of(numbers) is None

        def whole(number: int) -> Segment | Stretch:
            """Return the whole for which a buffer is kept that the step touches."""
            segment, stretch = self._places[number]
            return segment if several and segment.blocks < chunk_blocks else stretch

        begin, end = whole(first), whole(last)
        comes_back = [isinstance(part, Segment) or bool(part.calls) for part in (begin, end)]
        return begin.first if comes_back[0] else first, end.end - 1 if comes_back[1] else last


@dataclass(frozen=True)
class SegmentRule:
    """Where segments begin and end.

    Parameters
    ----------
    chunk_blocks : int
        Blocks of a chunk, which heavy layers take at once.
    light_blocks : int
        Blocks that the other layers take at a time.
    heavy_weights : float
        Heavy are layers with more than so many times the bytes of their blobs (of one block) on weights.
    """

    chunk_blocks: int
    light_blocks: int
    heavy_weights: float


@dataclass(frozen=True)
class Segmenting:
    """Cuts the steps of a plan into segments.

    Layers whose weights outweigh their blobs take the whole chunk at a time, so that weights are read once for all of
    it; the others go by one or a few blocks, so that blobs stay in cache. Consecutive layers whose blobs do not stay in
    the core's cache as a whole go by bands of rows that do.

    Parameters
    ----------
    steps : sequence of Step
    layer_of : sequence of int
        For each step the number of its layer.
    layouts, owners : mapping
        Blob -> its layout, and the buffer that it lies in.
    """

    steps: Sequence[Step]
    layer_of: Sequence[int]
    layouts: Mapping[str, BlockLayout]
    owners: Mapping[str, str]

    def segments(self, rule: SegmentRule) -> tuple[Segment, ...]:
        """Return the segments that a rule makes."""
        heavy = set()
        for layer, step in zip(self.layer_of, self.steps, strict=True):
            block_bytes = sum(self.layouts[blob].block_bytes for blob in step.blobs.values())
            if step.weight_bytes > rule.heavy_weights * block_bytes:
                heavy.add(layer)
        segments = []
        for weighty, group in groupby(range(len(self.steps)), lambda number: self.layer_of[number] in heavy):
            numbers = list(group)
            stretches = tuple(self._stretches(range(numbers[0], numbers[-1] + 1)))
            segments.append(Segment(stretches, rule.chunk_blocks if weighty else rule.light_blocks))
        return tuple(segments)

    def _stretches(self, numbers: range) -> Iterator[Stretch]:
        """Return the stretches of the steps `numbers`."""
        number = numbers.start
        while number < numbers.stop:
            stretch = self._longest(number, numbers.stop) or Stretch(number, number + 1)
            yield stretch
            number = stretch.end

    def _longest(self, first: int, stop: int) -> Stretch | None:
        """Return the longest stretch in bands from step `first` on, None where bands would not help."""
        found, end = None, first
        stop = min(stop, first + settings.MOST_BAND_STEPS)
        while end < stop:
            layer = self.layer_of[end]
            while end < stop and self.layer_of[end] == layer:
                end += 1
            if not self._passes_rows_on(first, end):
                break
            calls = self._calls(first, end) if layer != self.layer_of[first] else ()
            if calls is None:
                break
            if calls:
                found = Stretch(first, end, calls)
        return found

    def _passes_rows_on(self, first: int, end: int) -> bool:
        """Return whether the steps can be run by rows, and the last reads what one before it writes."""
        rows = [step.rows for step in self.steps[first:end]]
        if any(each is None or each.units == 1 for each in rows):
            return False
        tops = {step.blobs[step.rows.writes] for step in self.steps[first:end] if step.rows}
        last = self.steps[end - 1]
        same_layer = self.layer_of[first] == self.layer_of[end - 1]
        return same_layer or any(last.blobs[slot] in tops for slot in (last.rows.reads if last.rows else ()))

    def _calls(self, first: int, end: int) -> tuple[Call, ...] | None:
        """Return the calls in as few bands as stay in half the core's cache, () for one band, None for no number."""
        steps = self.steps[first:end]
        room = next(iter(self.layouts.values())).target.core_cache_bytes // 2
        if sum(step.weight_bytes for step in steps) > room:
            return None
        most = max(step.rows.units for step in steps if step.rows)
        # More bands touch no more bytes.
        bands = 1 + bisect_left(range(1, most + 1), True, key=lambda count: self._band_bytes(steps, count) <= room)
        if bands == 1 or bands > most:
            return () if bands == 1 else None
        return banded(steps, first, self.owners, bands)

    def _band_bytes(self, steps: Sequence[Step], bands: int) -> int:
        """Return about how many bytes of blobs a band touches: its rows, and those that readers are ahead."""
        touched: dict[str, int] = {}
        for step in steps:
            assert step.rows is not None
            for slot, blob in step.blobs.items():
                layout = self.layouts[blob]
                reach = step.rows.reads.get(slot, Reach())
                ahead = reach.before + reach.after + (step.rows.unit - 1) * reach.stride
                rows = min(layout.height, -(-layout.height // bands) + ahead)
                size = layout.block_bytes * rows // layout.height
                touched[self.owners[blob]] = max(size, touched.get(self.owners[blob], 0))
        return sum(touched.values())
