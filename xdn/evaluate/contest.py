"""The contest's measure: wall-clock time from the stored images to the labels of all of them."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import median

import numpy as np

from xdn.errors import DataError
from xdn.evaluate.accuracy import Accuracy, measured
from xdn.evaluate.answers import Answers
from xdn.evaluate.timing import Latency
from xdn.graph import Array


@dataclass(frozen=True)
class ContestResult:
    """What a run over a data set gave.

    Parameters
    ----------
    accuracy : Accuracy or None
        None where nothing tells the classes, of the net or of the images.
    contest_s : float
        Median over the repetitions: from opening the data to the labels of all images, the net loaded and its
        kernels compiled.
    runs_s : tuple of float
        Every repetition.
    images : int
    latency : Latency, optional
        Of single requests, where they were measured.
    """

    accuracy: Accuracy | None
    contest_s: float
    runs_s: tuple[float, ...]
    images: int
    latency: Latency | None = None

    @property
    def counted(self) -> Accuracy:
        """The accuracy of a run that has one; raise DataError where it has none."""
        if self.accuracy is None:
            raise DataError("the run has no accuracy: nothing told the classes")
        return self.accuracy

    @property
    def percent(self) -> float | None:
        """Top-1 accuracy in percent, None where there is none."""
        return None if self.accuracy is None else self.accuracy.percent

    @property
    def top5_percent(self) -> float | None:
        """Top-5 accuracy in percent, None where there is none."""
        return None if self.accuracy is None else self.accuracy.top5_percent

    @property
    def spread(self) -> float:
        """(slowest - fastest) / median of the repetitions."""
        return (max(self.runs_s) - min(self.runs_s)) / self.contest_s

    @property
    def images_per_s(self) -> float:
        """Images a second in the median run."""
        return self.images / self.contest_s


class Contestant(ABC):
    """A net, an engine and a data set, ready to be timed.

    Parameters
    ----------
    labels : (N,) int32
    classes : tuple of str
        The data set's.
    counted : bool
        Whether answers are compared with the labels.
    """

    def __init__(self, labels: Array, classes: tuple[str, ...], counted: bool = True):
        self.labels, self.classes, self.counted = labels, classes, counted

    @abstractmethod
    def warm(self) -> None:
        """Do what the first run alone would do: compile, allocate."""

    @abstractmethod
    def answers(self) -> Answers:
        """Open the data and return the answers for all images: what is timed. They are empty where none is counted."""


@dataclass(frozen=True)
class Rounds:
    """How often contestants take turns.

    Parameters
    ----------
    least : int
        Rounds at least.
    seconds : float
        Further rounds begin until so many have passed.
    warming : int
        Rounds before them that are not timed.
    """

    least: int = 1
    seconds: float = 0.0
    warming: int = 0

    def __iter__(self) -> Iterator[int]:
        """Yield the numbers of the timed rounds."""
        begin = time.perf_counter()
        for number in count():
            if number >= self.least and time.perf_counter() - begin >= self.seconds:
                return
            yield number


def timed(
    contestants: Sequence[Contestant], rounds: int | Rounds = 1, begun: Callable[[int, int], None] | None = None
) -> list[ContestResult]:
    """Run all contestants in turn, and return their times and accuracies.

    The classes of all images are within the time; what else is read out of the scores (top-5) is not.

    Parameters
    ----------
    contestants : sequence of Contestant
    rounds : int or Rounds
        How often.
    begun : callable, optional
        Told (round, contestant), both from 0, before each run.

    Raises
    ------
    DataError
        Where two rounds of a contestant differ.
    """
    rounds = Rounds(rounds) if isinstance(rounds, int) else rounds
    for each in contestants:
        each.warm()
    for _ in range(rounds.warming):
        for each in contestants:
            each.answers()
    seconds: list[list[float]] = [[] for _ in contestants]
    classes: list[Array] = []
    found: list[Accuracy | None] = []
    for number in rounds:
        for place, each in enumerate(contestants):
            if begun is not None:
                begun(number, place)
            begin = time.perf_counter()
            given = each.answers()
            seconds[place].append(time.perf_counter() - begin)
            if number == 0:
                classes.append(given.classes)
                scored = each.labels, given.classes, given.scores, each.classes
                found.append(measured(*scored) if each.counted else None)
            elif not np.array_equal(classes[place], given.classes):
                raise DataError("two runs over the same data gave different classes: the data changed meanwhile")
            # The next run is to find as much free memory as this one did.
            del given
    results = zip(contestants, found, seconds, strict=True)
    return [ContestResult(accuracy, median(runs), tuple(runs), len(c.labels)) for c, accuracy, runs in results]
