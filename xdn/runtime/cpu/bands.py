"""In which order consecutive steps pass over the rows of a block, so that what one writes the next finds in cache.

A band is a number of rows of the last step's top. For each band every step is run as far as the steps after it need:
a step whose reader is a 3x3 window is one row ahead of it, so nothing is computed twice, and blobs keep their places::

    for band in bands of the last step's rows:
        for step in steps:
            rows that later steps need for this band, and that are not done
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdn.kernels.core.family import Reach, Rows, Step


@dataclass(frozen=True)
class Call:
    """A step for `units` units of its rows from `first` on."""

    step: int
    first: int
    units: int


def banded(steps: Sequence[Step], first: int, owners: Mapping[str, str], bands: int) -> tuple[Call, ...] | None:
    """Return the calls that take the rows of a block through `steps` in `bands` bands.

    Parameters
    ----------
    steps : sequence of Step
        Each can be run for some of its rows.
    first : int
        Number of the first one in the plan.
    owners : mapping
        Blob -> the buffer that it lies in.
    bands : int

    Returns
    -------
    tuple of Call, or None where a step would overwrite rows that another has yet to read
    """
    order = _Order(steps, owners)
    calls = []
    for band in range(1, bands + 1):
        for index, end in enumerate(order.needed(band, bands)):
            begin = order.done[index]
            if end <= begin:
                continue
            if not order.may_write(index, end):
                return None
            calls.append(Call(first + index, begin, end - begin))
            order.done[index] = end
    return tuple(calls)


class _Order:
    """How far each step is, in units of its rows."""

    def __init__(self, steps: Sequence[Step], owners: Mapping[str, str]):
        self.rows = [_rows(step) for step in steps]
        self.done = [0] * len(steps)
        tops = [step.blobs[rows.writes] for step, rows in zip(steps, self.rows, strict=True)]
        reads = [(reader, reach, blob) for reader, step in enumerate(steps) for reach, blob in _read(step)]
        #: Whether a later step waits for what the step writes.
        self._read = [top in {blob for _, _, blob in reads} for top in tops]
        #: For each step: the earlier ones that it reads, and the reads of other blobs in the buffer that it writes.
        self._writers: list[list[tuple[int, Reach]]] = [[] for _ in steps]
        self._shares: list[list[tuple[int, Reach]]] = [[] for _ in steps]
        for reader, reach, blob in reads:
            self._writers[reader] += [(writer, reach) for writer in range(reader) if tops[writer] == blob]
            for index, top in enumerate(tops):
                if blob != top != tops[reader] and owners[blob] == owners[top]:
                    self._shares[index].append((reader, reach))

    def needed(self, band: int, bands: int) -> list[int]:
        """Return how many units of each step must be done at the end of a band."""
        ends = [-(-rows.units * band // bands) for rows in self.rows]
        if band == bands:
            return ends
        ends = [0 if read else end for read, end in zip(self._read, ends, strict=True)]
        for index in reversed(range(len(ends))):
            rows = ends[index] * self.rows[index].unit
            for writer, reach in self._writers[index] if rows else ():
                last = (rows - 1) * reach.stride + reach.after
                of = self.rows[writer]
                ends[writer] = max(ends[writer], -(-(min(last, of.height - 1) + 1) // of.unit))
        return ends

    def may_write(self, index: int, end: int) -> bool:
        """Return whether no step has yet to read, of another blob in the buffer, what is written up to unit `end`."""
        written = min(end * self.rows[index].unit, self.rows[index].height)
        for reader, reach in self._shares[index]:
            rows, done = self.rows[reader], self.done[reader]
            if done < rows.units and done * rows.unit * reach.stride - reach.before < written:
                return False
        return True


def _rows(step: Step) -> Rows:
    assert step.rows is not None
    return step.rows


def _read(step: Step) -> list[tuple[Reach, str]]:
    """Return the blobs that a step reads, and which rows of them."""
    return [(reach, step.blobs[slot]) for slot, reach in _rows(step).reads.items()]
