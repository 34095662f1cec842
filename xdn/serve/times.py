"""What runs of a net take by their number of images, in each schedule, and which is the fastest."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: Schedule -> images of a run -> its seconds.
Seconds = dict[str, dict[int, float]]
#: How much of what is remembered of the machine's speed is of the latest run.
_LATEST = 0.2
#: A run that takes so many times what was to be expected says nothing of its number of images.
_OUTLIER = 1.5
#: After each so many runs a time that none of them had is believed to be so much less, down to that share of it.
_RUNS, _LESS, _LEAST = 32, 0.97, 0.75


@dataclass
class _Time:
    """The least time of some number of images, what it is believed to be, and whether a run had it of late."""

    least: float
    believed: float
    of_late: bool = True


class Times:
    """Seconds that runs take.

    Of each number of images the least time counts, which is that of a run which nothing disturbed; how much longer
    runs take at present is one factor of all of them. A time that no run had for long is believed to be less, so that
    it is tried again: what disturbed it when it was measured may be gone.

    Parameters
    ----------
    schedules : iterable of str
    """

    def __init__(self, schedules: Iterable[str]):
        self._known: dict[str, dict[int, _Time]] = {schedule: {} for schedule in schedules}
        self._fastest: dict[int, tuple[float, str]] = {}
        self._slowdown, self._runs = 1.0, 0

    def measured(self, schedule: str, images: int, seconds: float) -> None:
        """Take the time of a run that served nobody, and that nothing disturbed."""
        self._known[schedule][images] = _Time(seconds, seconds)
        self._fastest.clear()

    def observe(self, schedule: str, images: int, seconds: float) -> None:
        """Take note of a run."""
        known = self._known[schedule]
        before, expected = known.get(images), _seconds(known, images)
        if before is not None:
            self._slow(seconds / before.least)
            if seconds < before.least or before.believed < before.least:
                self._fastest.clear()
            least = min(seconds, before.least)
            known[images] = _Time(least, least)
        elif expected is None:
            known[images] = _Time(seconds, seconds)
            self._fastest.clear()
        else:
            self._slow(seconds / expected)
            seconds /= max(1.0, self._slowdown)
            if seconds < _OUTLIER * expected:
                known[images] = _Time(seconds, seconds)
                self._fastest.clear()
        self._runs += 1
        if self._runs % _RUNS == 0:
            self._age()

    def _slow(self, factor: float) -> None:
        """Take note of how many times as long as expected a run took."""
        self._slowdown += _LATEST * (factor - self._slowdown)

    def _age(self) -> None:
        """Believe times to be less that no run had of late."""
        for known in self._known.values():
            for time in known.values():
                if not time.of_late:
                    time.believed = max(_LESS * time.believed, _LEAST * time.least)
                time.of_late = False
        self._fastest.clear()

    def forget(self, schedule: str) -> None:
        """Take note that a schedule is not used."""
        del self._known[schedule]
        self._fastest.clear()

    def known(self) -> Seconds:
        """Return the least seconds of each number of images in each schedule that has run."""
        return {name: {images: each.least for images, each in known.items()} for name, known in self._known.items()}

    def seconds(self, images: int) -> float:
        """Return what a run of so many images takes at present, in the schedule that is faster for them.

        That is no more than as many runs of one image: a time that was disturbed is tried again.
        """
        return min(self._of(images)[0], images * self._of(1)[0]) * self._slowdown

    def schedule(self, images: int) -> str:
        """Return the schedule that is faster for so many images."""
        return self._of(images)[1]

    def _of(self, images: int) -> tuple[float, str]:
        """Return the believed time, and its schedule; the first schedule where nothing was measured."""
        if images not in self._fastest:
            found = [(seconds, name) for name, known in self._known.items() if (seconds := _seconds(known, images))]
            self._fastest[images] = min(found) if found else (0.0, next(iter(self._known)))
        return self._fastest[images]


def _seconds(known: dict[int, _Time], images: int) -> float | None:
    """Return what so many images are believed to take by what is known of other numbers; None where nothing is."""
    if not known:
        return None
    sizes = sorted(known)
    after = bisect_left(sizes, images)
    if after == len(sizes):
        return known[sizes[-1]].believed * images / sizes[-1]
    most = _at_most(known, sizes[after:])
    if after == 0 or sizes[after] == images:
        return most
    before = sizes[after - 1]
    least = _at_most(known, sizes[after - 1 :])
    return least + (images - before) / (sizes[after] - before) * (most - least)


def _at_most(known: dict[int, _Time], sizes: Sequence[int]) -> float:
    """Return what the first one of some rising numbers of images takes: no longer than more images do."""
    return min(known[each].believed for each in sizes)
