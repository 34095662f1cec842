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
_RUNS, _LESS, _LEAST = 32, 0.97, 0.125
#: The least share of a time that is reckoned with where it is asked how long a run takes, whatever is believed.
_RECKONED = 0.75


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
    it is tried again: what disturbed it when it was measured may be gone. Where that was all of a schedule, the other
    one is several times as fast to all appearances: the schedule is tried all the same, once in a thousand runs or so.

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
        before = known.get(images)
        if before is not None:
            self._slow(seconds / before.least)
            if seconds < before.least or before.believed < before.least:
                self._fastest.clear()
            least = min(seconds, before.least)
            known[images] = _Time(least, least)
        elif not known:
            known[images] = _Time(seconds, seconds)
            self._fastest.clear()
        else:
            expected = _seconds(known, images, 1.0)
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
        """Return the time to reckon with, and the schedule; the first schedule where nothing was measured."""
        if images not in self._fastest:
            measured = {name: known for name, known in self._known.items() if known}
            if not measured:
                return 0.0, next(iter(self._known))
            reckoned = min(_seconds(known, images, _RECKONED) for known in measured.values())
            self._fastest[images] = reckoned, min(measured, key=lambda name: _seconds(measured[name], images, 0.0))
        return self._fastest[images]


def _seconds(known: dict[int, _Time], images: int, share: float) -> float:
    """Return what so many images are believed to take by what is known of some numbers.

    What is believed of each of these counts down to this share of its time.
    """
    sizes = sorted(known)
    after = bisect_left(sizes, images)
    if after == len(sizes):
        return _believed(known, sizes, after - 1, share) * images / sizes[-1]
    most = _believed(known, sizes, after, share)
    if after == 0 or sizes[after] == images:
        return most
    before = sizes[after - 1]
    least = _believed(known, sizes, after - 1, share)
    return least + (images - before) / (sizes[after] - before) * (most - least)


def _believed(known: dict[int, _Time], sizes: Sequence[int], place: int, share: float) -> float:
    """Return what one of the known numbers of images, which rise, is believed to take.

    Its time is no longer than that of more images, nor than of several runs of the fewest.
    """
    several = -(-sizes[place] // sizes[0]) * min(known[each].least for each in sizes)
    time = min(several, *(known[each].least for each in sizes[place:]))
    return max(share * time, min(time, known[sizes[place]].believed))
