"""What runs of a net take by their number of images, in each schedule, and which is the fastest."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

#: How much of what is remembered of a schedule's speed is of its latest run, and of a run in another schedule.
_LATEST, _ELSEWHERE = 0.2, 0.02
#: A run counts as no more than so many times as slow as those before it.
_DISTURBED = 2.0
#: A run that takes so many times what was to be expected says nothing of its number of images.
_OUTLIER = 1.5
#: After each so many runs a time that none of them had is believed to be so much less, down to that share of it.
_RUNS, _LESS, _LEAST = 32, 0.97, 0.5
#: The least share of a time that is reckoned with where it is asked how long a run takes, whatever is believed.
_RECKONED = 0.75


@dataclass
class _Time:
    """The least time of some number of images, what it is believed to be, and whether a run had it of late."""

    least: float
    believed: float
    of_late: bool = True


class _Undisturbed(NamedTuple):
    """What a run of some number of images takes that nothing disturbs: to reckon with, and to choose schedules by."""

    reckoned_s: float
    tried_s: float


class Times:
    """Seconds that runs take.

    Of each number of images the least time counts, which is that of a run which nothing disturbed; how much longer
    runs take at present is one factor of all of a schedule, since what disturbs one thread holds up the threads that
    share each layer more than those that have images of their own. A schedule that is not used is believed, more and
    more, to be disturbed as much as what runs. A time that no run had for long is believed to be less, so that it is
    tried again: what disturbed it when it was measured may be gone. So a schedule is that looks up to twice as slow,
    once in a thousand runs or so.

    Parameters
    ----------
    blocks : mapping
        Schedule -> how many images it computes as a whole: fewer take as long.
    """

    def __init__(self, blocks: Mapping[str, int]):
        self._blocks = blocks
        self._known: dict[str, dict[int, _Time]] = {schedule: {} for schedule in blocks}
        self._believed: dict[int, dict[str, _Undisturbed]] = {}
        self._slowdowns = dict.fromkeys(self._known, 1.0)
        self._runs = 0

    def measured(self, schedule: str, images: int, seconds: float) -> None:
        """Take the time of a run that served nobody, without what disturbed it."""
        self._known[schedule][self._whole(schedule, images)] = _Time(seconds, seconds)
        self._believed.clear()

    def _whole(self, schedule: str, images: int) -> int:
        """Return how many images take as long as these, in whole blocks."""
        return -(-images // self._blocks[schedule]) * self._blocks[schedule]

    def observe(self, schedule: str, images: int, seconds: float) -> None:
        """Take note of a run."""
        known, images = self._known[schedule], self._whole(schedule, images)
        before = known.get(images)
        if before is not None:
            self._slow(schedule, seconds / before.least)
            if seconds < before.least or before.believed < before.least:
                self._believed.clear()
            least = min(seconds, before.least)
            known[images] = _Time(least, least)
        elif not known:
            known[images] = _Time(seconds, seconds)
            self._believed.clear()
        else:
            expected = _seconds(known, images, 1.0)
            self._slow(schedule, seconds / expected)
            seconds /= max(1.0, self._slowdowns[schedule])
            if seconds < _OUTLIER * expected:
                known[images] = _Time(seconds, seconds)
                self._believed.clear()
        self._runs += 1
        if self._runs % _RUNS == 0:
            self._age()

    def _slow(self, schedule: str, factor: float) -> None:
        """Take note of how many times as long as expected a run took; one run alone says little."""
        factor = min(factor, _DISTURBED * self._slowdowns[schedule])
        for each, slowdown in self._slowdowns.items():
            self._slowdowns[each] += (_LATEST if each == schedule else _ELSEWHERE) * (factor - slowdown)

    def _age(self) -> None:
        """Believe times to be less that no run had of late."""
        for known in self._known.values():
            for time in known.values():
                if not time.of_late:
                    time.believed = max(_LESS * time.believed, _LEAST * time.least)
                time.of_late = False
        self._believed.clear()

    def forget(self, schedule: str) -> None:
        """Take note that a schedule is not used."""
        del self._known[schedule], self._slowdowns[schedule]
        self._believed.clear()

    def seconds(self, images: int) -> float:
        """Return what a run of so many images takes at present, in the faster schedule.

        0 where nothing was measured.
        """
        return min((self._slowdowns[name] * each.reckoned_s for name, each in self._of(images).items()), default=0.0)

    def schedule(self, images: int) -> str:
        """Return the schedule that is faster for so many images; the first one where nothing was measured."""
        found = self._of(images)
        return min(found, key=lambda name: self._slowdowns[name] * found[name].tried_s, default=next(iter(self._known)))

    def _of(self, images: int) -> dict[str, _Undisturbed]:
        """Return what is believed of each schedule that was measured."""
        if images not in self._believed:
            self._believed[images] = {
                name: _Undisturbed(*(_seconds(known, self._whole(name, images), share) for share in (_RECKONED, 0.0)))
                for name, known in self._known.items()
                if known
            }
        return self._believed[images]


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
