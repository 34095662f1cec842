"""In which order consecutive steps pass over the rows of a block, so that what one writes the next finds in cache.

A band is a number of rows of the last step's top. For each band every step is run as far as the steps behind it need:
a step whose reader is a 3x3 window is one row ahead of it, so nothing is computed twice, and blobs keep their places::

    for band in bands of the last step's rows:
        for step in steps:
            rows that later steps need for this band, and that are not done
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdn.kernels.family import Reach, Rows, Step


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
        self.steps, self.owners = steps, owners
        self.done = [0] * len(steps)
        self.tops = [step.blobs[_rows(step).writes] for step in steps]

    def needed(self, band: int, bands: int) -> list[int]:
        """Return how many units of each step must be done at the end of a band."""
        ends = [-(-_rows(step).units * band // bands) for step in self.steps]
        if band == bands:
            return ends
        read = {blob for step in self.steps for _, blob in _read(step)}
        ends = [0 if top in read else end for top, end in zip(self.tops, ends, strict=True)]
        for index in reversed(range(len(self.steps))):
            rows = ends[index] * _rows(self.steps[index]).unit
            for reach, blob in _read(self.steps[index]) if rows else ():
                last = (rows - 1) * reach.stride + reach.after
                for writer in (w for w in range(index) if self.tops[w] == blob):
                    of = _rows(self.steps[writer])
                    ends[writer] = max(ends[writer], -(-(min(last, of.height - 1) + 1) // of.unit))
        return ends

    def may_write(self, index: int, end: int) -> bool:
        """Return whether no step has yet to read, of another blob in the buffer, what is written up to unit `end`."""
        top = self.tops[index]
        written = min(end * _rows(self.steps[index]).unit, _rows(self.steps[index]).height)
        for other, step in enumerate(self.steps):
            rows = _rows(step)
            if self.done[other] == rows.units or self.tops[other] == top:
                continue
            for reach, blob in _read(step):
                shares = blob != top and self.owners[blob] == self.owners[top]
                if shares and self.done[other] * rows.unit * reach.stride - reach.before < written:
                    return False
        return True


def _rows(step: Step) -> Rows:
    assert step.rows is not None
    return step.rows


def _read(step: Step) -> list[tuple[Reach, str]]:
    """Return the blobs that a step reads, and which rows of them."""
    return [(reach, step.blobs[slot]) for slot, reach in _rows(step).reads.items()]
