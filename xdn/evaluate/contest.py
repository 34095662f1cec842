"""The contest's measure: wall-clock time from the stored images to the labels of all of them."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from xdn.errors import DataError
from xdn.evaluate.accuracy import Accuracy, measured
from xdn.evaluate.answers import Answers
from xdn.evaluate.timing import Latency
from xdn.graph.layer import Array


@dataclass(frozen=True)
class ContestResult:
    """What a run over a data set gave.

    Parameters
    ----------
    accuracy : Accuracy
    contest_s : float
        Median over the repetitions: from opening the data to the labels of all images, the net loaded and its
        kernels compiled.
    runs_s : tuple of float
        Every repetition.
    latency : Latency, optional
        Of single requests, where they were measured.
    """

    accuracy: Accuracy
    contest_s: float
    runs_s: tuple[float, ...]
    latency: Latency | None = None

    @property
    def images_per_s(self) -> float:
        """Images a second in the median run."""
        return self.accuracy.images / self.contest_s


class Contestant(ABC):
    """A net, an engine and a data set, ready to be timed.

    Parameters
    ----------
    labels : (N,) int32
    classes : tuple of str
        The data set's.
    """

    def __init__(self, labels: Array, classes: tuple[str, ...]):
        self.labels, self.classes = labels, classes

    @abstractmethod
    def warm(self) -> None:
        """Do what the first run alone would do: compile, allocate."""

    @abstractmethod
    def answers(self) -> Answers:
        """Open the data and return the answers for all images: what is timed."""


def timed(
    contestants: Sequence[Contestant], rounds: int = 1, begun: Callable[[int, int], None] | None = None
) -> list[ContestResult]:
    """Run all contestants in turn, `rounds` times, and return their times and accuracies.

    The classes of all images are within the time; what else is read out of the scores (top-5) is not.

    Parameters
    ----------
    contestants : sequence of Contestant
    rounds : int
    begun : callable, optional
        Told (round, contestant), both from 0, before each run.

    Raises
    ------
    DataError
        Where two rounds of a contestant differ.
    """
    for each in contestants:
        each.warm()
    seconds: list[list[float]] = [[] for _ in contestants]
    classes: list[Array] = []
    found: list[Accuracy] = []
    for number in range(rounds):
        for place, each in enumerate(contestants):
            if begun is not None:
                begun(number, place)
            begin = time.perf_counter()
            given = each.answers()
            seconds[place].append(time.perf_counter() - begin)
            if number == 0:
                classes.append(given.classes)
                found.append(measured(each.labels, given.classes, given.scores, each.classes))
            elif not np.array_equal(classes[place], given.classes):
                raise DataError("two runs over the same data gave different classes: the data changed meanwhile")
            # The next run is to find as much free memory as this one did.
            del given
    return [ContestResult(a, median(runs), tuple(runs)) for a, runs in zip(found, seconds, strict=True)]
