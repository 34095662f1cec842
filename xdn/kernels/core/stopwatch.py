"""What a thread notes down where steps are measured: how long each takes in all, and when it did which."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from xdn.element import S64
from xdn.graph import Array
from xdn.kernels.core.descriptor import Descriptor, Pointer, Size, Table


class Slice(Descriptor):
    """One call of a kernel by one thread.

    step
        The step's number in the plan.
    first_image, images
        Of the run's images, those that it was done for.
    begin, end
        Readings of the processor's counter. What the thread then waits for others that share the step is not in it.
    """

    step, first_image, images, begin, end = (Size() for _ in range(5))


class Stopwatch(Descriptor):
    """A thread's notes; only the driver that measures takes them.

    ticks
        Address of one int64 a step: what it took in all, waiting for others that share it included.
    slices, room
        Address of a table of `Slice`, the first ones, and how many it holds.
    begun
        How many calls there were, more than `room` perhaps.
    """

    ticks, slices, room, begun = Pointer(S64), Table(Slice), Size(), Size()

    @classmethod
    def of(cls, ticks: Array, room: int) -> Self:
        """Return one that adds to `ticks`, (steps,) int64, and has room for so many slices."""
        return cls(ticks=ticks, slices=np.empty((room, Slice.size), np.int64), room=room)

    @property
    def taken(self) -> Array:
        """What each step took in all: (steps,) int64."""
        return self.keep[0]

    @property
    def kept(self) -> Array:
        """The slices that there was room for, in the order in which they began: (slices, words of `Slice`) int64."""
        return self.keep[1][: self.begun]


class Noted(NamedTuple):
    """When the workers of a run did what.

    Parameters
    ----------
    slices : tuple of (slices, words of `Slice`) int64
        Of each worker the first ones, in the order in which they began.
    lost : int
        How many there was no room for.
    """

    slices: tuple[Array, ...] = ()
    lost: int = 0

    @classmethod
    def of(cls, watches: Sequence[Stopwatch]) -> Self:
        """Return a copy of what stopwatches hold, which run on."""
        slices = tuple(watch.kept.copy() for watch in watches)
        return cls(slices, sum(watch.begun for watch in watches) - sum(map(len, slices)))


#: Of a run that is not measured.
NOTHING = Noted()


class Notes:
    """What was noted in rounds that follow each other, each over the next images.

    Parameters
    ----------
    most : int
        Slices that are kept of all rounds and workers.
    """

    def __init__(self, most: int):
        self._most, self._kept, self._lost = most, 0, 0
        self._slices: list[list[Array]] = []

    def add(self, noted: Noted, first_image: int) -> None:
        """Add a round whose images are those of the whole run from `first_image` on."""
        count = sum(map(len, noted.slices))
        self._lost += noted.lost
        if self._kept + count > self._most:
            self._lost += count
            return
        self._kept += count
        self._slices += [[] for _ in noted.slices[len(self._slices) :]]
        for own, slices in zip(self._slices, noted.slices, strict=False):
            slices[:, Slice.first_image.slot] += first_image
            own.append(slices)

    def noted(self) -> Noted:
        """Return what was noted in all rounds."""
        return Noted(tuple(map(np.concatenate, self._slices)), self._lost)
