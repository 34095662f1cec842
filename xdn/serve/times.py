"""What runs of a net take by their number of images, in each schedule, and which is the fastest."""

from bisect import bisect_left
from collections.abc import Iterable

#: How much of what is remembered of the machine's speed is of the latest run.
_LATEST = 0.2
#: A run that takes so many times what was to be expected says nothing of its number of images.
_OUTLIER = 1.5


class Times:
    """Seconds that runs take.

    Of each number of images the least time counts, which is that of a run which nothing disturbed; how much longer
    runs take at present is one factor of all of them.

    Parameters
    ----------
    schedules : iterable of str
    """

    def __init__(self, schedules: Iterable[str]):
        self._least: dict[str, dict[int, float]] = {schedule: {} for schedule in schedules}
        self._fastest: dict[int, tuple[float, str]] = {}
        self._slowdown = 1.0

    def observe(self, schedule: str, images: int, seconds: float) -> None:
        """Take note of a run."""
        known = self._least[schedule]
        expected = _seconds(known, images)
        if expected is not None:
            self._slowdown += _LATEST * (seconds / expected - self._slowdown)
            seconds = seconds if images in known else seconds / max(1.0, self._slowdown)
        if expected is None or seconds < (expected if images in known else _OUTLIER * expected):
            known[images] = seconds
            self._fastest.clear()

    def forget(self, schedule: str) -> None:
        """Take note that a schedule is not used."""
        del self._least[schedule]
        self._fastest.clear()

    def seconds(self, images: int) -> float:
        """Return what a run of so many images takes at present, in the schedule that is faster for them."""
        return self._of(images)[0] * self._slowdown

    def schedule(self, images: int) -> str:
        """Return the schedule that is faster for so many images."""
        return self._of(images)[1]

    def _of(self, images: int) -> tuple[float, str]:
        """Return the least time, and its schedule; the first schedule where nothing was measured."""
        if images not in self._fastest:
            found = [(seconds, name) for name, known in self._least.items() if (seconds := _seconds(known, images))]
            self._fastest[images] = min(found) if found else (0.0, next(iter(self._least)))
        return self._fastest[images]


def _seconds(known: dict[int, float], images: int) -> float | None:
    """Return what so many images take by what is known of other numbers; None where nothing is."""
    if images in known or not known:
        return known.get(images)
    sizes = sorted(known)
    after = bisect_left(sizes, images)
    if after == 0:
        return known[sizes[0]]
    before = sizes[after - 1]
    if after == len(sizes):
        return known[before] * images / before
    part = (images - before) / (sizes[after] - before)
    return known[before] + part * (known[sizes[after]] - known[before])
