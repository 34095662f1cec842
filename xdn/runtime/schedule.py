"""In which order the steps of a plan pass over the blocks and positions of a chunk.

A chunk is run segment by segment. A segment takes a few blocks at a time through all of its steps, so that early
layers, whose blobs are large, stay in cache, and late layers, whose weights are large, reuse them over more images::

    for segment in segments:
        for blocks in parts of the chunk:
            for run in segment.runs:
                one step over all positions, or
                for block in blocks:
                    for positions in parts of the map:            consecutive pointwise steps, position by position
                        for step in run

The order changes no result: every value is computed by the same operations, from the same values.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xdn import settings
from xdn.codegen.isa import core_cache_bytes
from xdn.kernels.family import Step


@dataclass(frozen=True)
class Run:
    """Consecutive steps, `first` <= number < `end`.

    Parameters
    ----------
    first, end : int
    positions : int
        Positions that pass through all the steps at a time; 0: each step takes all positions.
    size : int
        Positions in all, where they pass in parts.
    """

    first: int
    end: int
    positions: int = 0
    size: int = 0


@dataclass(frozen=True)
class Segment:
    """Consecutive runs that take `blocks` blocks of images at a time through all of them."""

    runs: tuple[Run, ...]
    blocks: int

    @property
    def first(self) -> int:
        """Number of the first step."""
        return self.runs[0].first

    @property
    def end(self) -> int:
        """Number behind that of the last step."""
        return self.runs[-1].end


@dataclass(frozen=True)
class Pass:
    """One call of one step: which blocks of the chunk, and which positions (0 positions: all)."""

    step: int
    first_block: int
    blocks: int
    first_position: int = 0
    positions: int = 0


def passes(segments: Sequence[Segment], chunk_blocks: int) -> Iterator[Pass]:
    """Return the calls that take a chunk through all segments, in order."""
    for segment in segments:
        for first in range(0, chunk_blocks, segment.blocks):
            blocks = min(segment.blocks, chunk_blocks - first)
            for run in segment.runs:
                if run.positions:
                    yield from _tiled(run, range(first, first + blocks))
                else:
                    yield from (Pass(step, first, blocks) for step in range(run.first, run.end))


def _tiled(run: Run, blocks: range) -> Iterator[Pass]:
    for block in blocks:
        for position in range(0, run.size, run.positions):
            count = min(run.positions, run.size - position)
            yield from (Pass(step, block, 1, position, count) for step in range(run.first, run.end))


def segment_of(segments: Sequence[Segment], numbers: Sequence[int]) -> Segment | None:
    """Return the segment that holds all the steps `numbers`, None where they are in several."""
    first, last = min(numbers), max(numbers)
    return next((s for s in segments if s.first <= first and last < s.end), None)


def kept(segments: Sequence[Segment], numbers: Sequence[int], chunk_blocks: int) -> tuple[int, int]:
    """Return the first and the last step during which a buffer must be kept that the steps `numbers` touch.

    A tiled run comes back to its first step before it is through, and so does a segment that takes a chunk in several
    parts: a buffer that a tiled run touches is kept for all of that run, and one that several segments touch for the
    whole of those among them that come back.
    """
    first, last = min(numbers), max(numbers)
    spans = [(run.first, run.end) for segment in segments for run in segment.runs if run.positions]
    if segment_of(segments, numbers) is None:
        spans += [(segment.first, segment.end) for segment in segments if segment.blocks < chunk_blocks]
    begin = min((b for b, end in spans if b <= first < end), default=first)
    end = max((end for b, end in spans if b <= last < end), default=last + 1)
    return begin, end - 1


def default_segments(
    steps: Sequence[Step], layer_of: Sequence[int], block_bytes: Mapping[str, int], chunk_blocks: int
) -> tuple[Segment, ...]:
    """Return the segments that are used where nobody measures others.

    Up to the first layer whose weights outweigh its blobs, blocks go one by one, so that blobs stay in cache; from
    there on the whole chunk goes at a time, so that weights are read once for all of it. Consecutive pointwise
    layers go by as many positions as stay in cache.

    Parameters
    ----------
    steps : sequence of Step
    layer_of : sequence of int
        For each step the number of its layer.
    block_bytes : mapping
        Blob -> bytes of one block of images.
    chunk_blocks : int
        Blocks of a chunk.
    """
    heavy = (number for number, step in enumerate(steps) if _outweighs(step, block_bytes))
    split = next(heavy, len(steps))
    parts = ((range(split), 1), (range(split, len(steps)), chunk_blocks))
    return tuple(
        Segment(tuple(_runs(steps, numbers, layer_of, block_bytes)), blocks) for numbers, blocks in parts if numbers
    )


def _outweighs(step: Step, block_bytes: Mapping[str, int]) -> bool:
    """Return whether a step reads clearly more weights than values of one block of images."""
    blobs = sum(block_bytes[blob] for blob in step.blobs.values())
    return sum(array.nbytes for array in step.keep) > settings.HEAVY_WEIGHTS * blobs


def _runs(
    steps: Sequence[Step], numbers: range, layer_of: Sequence[int], block_bytes: Mapping[str, int]
) -> Iterator[Run]:
    number = numbers.start
    while number < numbers.stop:
        end = number + 1
        while end < numbers.stop and _size(steps[number]) and _size(steps[number]) == _size(steps[end]):
            end += 1
        tile = _tile(steps[number:end], block_bytes) if layer_of[number] != layer_of[end - 1] else 0
        if tile:
            yield Run(number, end, tile, _size(steps[number]))
        else:
            yield from (Run(n, n + 1) for n in range(number, end))
        number = end


def _size(step: Step) -> int:
    """Return the number of positions of a step that can be run for some of them, 0 for another."""
    return step.pointwise.size if step.pointwise else 0


def _tile(steps: Sequence[Step], block_bytes: Mapping[str, int]) -> int:
    """Return how many positions of a block fit into half a core's cache; 0 where all do, or the weights do not."""
    room = core_cache_bytes() // 2
    blobs = {blob for step in steps for blob in step.blobs.values()}
    per_position = sum(block_bytes[blob] for blob in blobs) // _size(steps[0])
    weights = sum(array.nbytes for step in steps for array in step.keep)
    tile = room // per_position
    return tile if weights <= room and 0 < tile < _size(steps[0]) else 0
