"""What a tuner minimises: the cost of a session on images, measured on as many of them as are asked for."""

import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

import numpy as np

from xdn.data.packed import PackedData
from xdn.data.pixels import PixelTransform
from xdn.errors import SettingError
from xdn.evaluate.answers import answers, classify
from xdn.evaluate.scores import Scores
from xdn.evaluate.timing import durations
from xdn.runtime.session import Session

#: Single requests of a whole measurement of latency.
REQUESTS = 200


class Objective(ABC):
    """A measure of sessions on one packed file; lower is better. It can be pickled, and opens the file again then.

    Parameters
    ----------
    path : Path
        The packed file.
    transform : PixelTransform
    images : int, optional
        The first so many of the file; all where None, or where it has fewer.
    call_images : int, optional
        Images of a call; None for all.

    Raises
    ------
    DataError
        Where the file cannot be used.
    """

    name: ClassVar[str]
    unit: ClassVar[str]

    def __init__(
        self, path: Path, transform: PixelTransform, images: int | None = None, call_images: int | None = None
    ):
        self._path, self._transform = path, transform
        #: Where the net tells classes; by default in its first output.
        self.scores: Scores | None = None
        #: Images of a call; None for all of them.
        self.call_images = call_images
        self._data = PackedData.open(path)
        #: Images of a whole measurement.
        self.images = min(images or len(self._data), len(self._data))

    @property
    def key(self) -> str:
        """What a result depends on: the name, and what was asked for."""
        return self.name

    def warm(self, session: Session) -> None:
        """Do what a session's first call alone does."""
        count = min(self.images, self.call_images or self._first(session))
        classify(session, self._data.pixels[:count], self._transform)

    def _first(self, session: Session) -> int:
        """Return so many images that every worker gets its first chunk."""
        plan = session.plan(images=self.images)
        replicas = session.threads // (session.configuration.members or 1)
        return plan.chunk_blocks * plan.block_images * replicas

    def percent_correct(self, session: Session) -> float:
        """Return how many of the images of a whole measurement get their label, in percent."""
        found = answers(session, self._data.pixels[: self.images], self._transform, scores=self.scores).classes
        return 100.0 * float(np.mean(found == self._data.labels[: self.images]))

    @abstractmethod
    def cost(self, session: Session, share: float = 1.0) -> float:
        """Return the cost, measured on a share of the images; infinite where a condition is not met."""


class ContestTime(Objective):
    """Milliseconds from opening the packed file to the labels of all images, per 1000 of them."""

    name, unit = "contest", "ms for 1000 images"

    @property
    def key(self) -> str:
        """The name, and the images of a call, where these are given."""
        return self.name if self.call_images is None else f"{self.name} in calls of {self.call_images}"

    def _whole_rounds(self, session: Session, share: float) -> int:
        """Return about that share of the images, so that all workers have equally many whole chunks of them.

        On fewer images chunks would be smaller than in earnest, or some workers idle.
        """
        if share >= 1:
            return self.images
        each = self._first(session)
        return min(self.images, max(1, round(share * self.images / each)) * each)

    def cost(self, session: Session, share: float = 1.0) -> float:
        """Return the milliseconds."""
        count = self._whole_rounds(session, share)
        begin = time.perf_counter()
        answers(session, PackedData.open(self._path).pixels[:count], self._transform, self.call_images)
        return 1e6 * (time.perf_counter() - begin) / count


class Latency(Objective):
    """Milliseconds of a call, a percentile of many."""

    unit = "ms"
    percentile: ClassVar[float]

    def __init__(
        self, path: Path, transform: PixelTransform, images: int | None = None, call_images: int | None = None
    ):
        super().__init__(path, transform, images)
        self.call_images = min(call_images or 1, self.images)

    def cost(self, session: Session, share: float = 1.0) -> float:
        """Return the percentile of single calls."""
        return 1e3 * float(np.percentile(self._calls(session, share), self.percentile))

    @property
    def key(self) -> str:
        """The name, and the images of a call."""
        return f"{self.name} of {self.call_images}"

    def _calls(self, session: Session, share: float) -> list[float]:
        """Return the seconds of calls."""
        size = self.call_images or 1
        places = max(1, self.images // size)

        def call(number: int) -> None:
            first = number % places * size
            classify(session, self._data.pixels[first : first + size], self._transform)

        return durations(call, max(5, round(share * REQUESTS)), float("inf"))


class MedianLatency(Latency):
    """The median latency of calls."""

    name, percentile = "latency-p50", 50.0


class TailLatency(Latency):
    """The latency that 99 of 100 calls stay below."""

    name, percentile = "latency-p99", 99.0


class LimitedThroughput(Latency):
    """Milliseconds per 1000 images in calls of some images, of which 99 of 100 end within a limit."""

    name, unit, percentile = "throughput", "ms for 1000 images", 99.0
    #: Milliseconds that a call may take.
    limit_ms = float("inf")

    @property
    def key(self) -> str:
        """The name, and the limit."""
        return f"{self.name} below {self.limit_ms} ms"

    def cost(self, session: Session, share: float = 1.0) -> float:
        """Return the milliseconds, infinite where calls take longer than the limit."""
        seconds = self._calls(session, share)
        if 1e3 * float(np.percentile(seconds, self.percentile)) > self.limit_ms:
            return float("inf")
        return 1e6 * float(np.mean(seconds)) / (self.call_images or 1)


#: Name -> objective.
OBJECTIVES: dict[str, type[Objective]] = {
    kind.name: kind for kind in (ContestTime, MedianLatency, TailLatency, LimitedThroughput)
}


def objective_named(name: str) -> type[Objective]:
    """Return the objective; raise SettingError for another name."""
    if name not in OBJECTIVES:
        raise SettingError(f"unknown objective {name!r}", mend=f"Known: {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name]
