"""XDN's own contestants: a session on packed data, on images decoded on line, and on any values for any inputs."""

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from xdn import settings
from xdn.data.dataset import Dataset
from xdn.data.packed import PackedData
from xdn.data.pixels import PixelTransform
from xdn.data.views import first_images
from xdn.evaluate.answers import Answers, Output, outputs_of_images, stated_batch, takes_batch, warm
from xdn.evaluate.contest import Contestant
from xdn.evaluate.feeds import feed_images, feed_parts
from xdn.evaluate.made_up import made_up_feed
from xdn.evaluate.scores import Scores, first_output
from xdn.evaluate.timing import Latency, durations
from xdn.graph import Array, Feed
from xdn.runtime.backend import Progress
from xdn.runtime.profile import Profile
from xdn.runtime.session import Session


@dataclass(frozen=True)
class Asked:
    """What is asked of a run over images.

    Parameters
    ----------
    scores : Scores or None
        Where the net tells their classes; None where it tells none, or nobody knows the right ones.
    images : int, optional
        The first so many; None for all.
    """

    scores: Scores | None
    images: int | None = None


class Job(Contestant):
    """A session with its data.

    Parameters
    ----------
    session : Session
    data : (labels, classes)
        As `Contestant` takes them.
    batch : int or None
        Images that are given to the session in one call; None for as many as it likes.
    scores : Scores or None
        Where the session's net tells classes.
    progress : callable, optional
        Told, now and then, the images that are done and how many there are in all.
    """

    def __init__(
        self,
        session: Session,
        data: tuple[Array, tuple[str, ...]],
        batch: int | None,
        scores: Scores | None,
        progress: Progress | None = None,
    ):
        super().__init__(*data, counted=scores is not None)
        self.session, self.batch, self._scores, self._progress = session, batch, scores, progress

    def warm(self) -> None:
        """Run the first call."""
        next(self.calls())

    @abstractmethod
    def feeds(self, batch: int) -> Iterator[Feed]:
        """Open the data and yield the net's inputs, so many images at a time."""

    @abstractmethod
    def feed_of(self, number: int) -> Feed:
        """Return the net's inputs for one image."""

    def calls(self) -> Iterator[list[Array]]:
        """Open the data and yield the net's outputs for all images, call by call."""
        assert self.batch is not None
        return self.told((self.session.run(None, feed) for feed in self.feeds(self.batch)), self.batch)

    def told(self, calls: Iterator[list[Array]], batch: int) -> Iterator[list[Array]]:
        """Yield what calls of `batch` images give, and tell the progress; seldom, for that takes time, too."""
        latest, done = time.perf_counter(), 0
        for call in calls:
            yield call
            done += batch
            now = time.perf_counter()
            if self._progress is not None and now - latest > settings.PROGRESS_INTERVAL_S:
                latest = now
                self._progress(min(done, len(self.labels)), len(self.labels))

    def request(self, number: int) -> list[Array]:
        """Return the net's outputs for one image."""
        return self.session.run(None, self.feed_of(number))

    def profile(self) -> Profile:
        """Run the first call again and return what each layer took; decoding is not part of it."""
        next(self.calls())
        return self.session.profile()

    def answers(self) -> Answers:
        """Run all images."""
        return self.answers_of(self.calls())

    def answers_of(self, calls: Iterator[list[Array]]) -> Answers:
        """Return what the net's outputs, call by call, say of the images; nothing where the net tells no classes."""
        if self._scores is None:
            for _ in calls:
                pass
            return Answers(np.empty(0, np.int32), ())
        place = self.session.net.outputs.index(self._scores.blob)
        return Answers.of((outputs[place] for outputs in calls), self._scores)

    def outputs(self) -> tuple[Output, ...]:
        """Return what the net gives for the first image, or the first batch where it takes no single image."""
        found = self.request(0) if takes_batch(self.session.net, 1) else next(self.calls())
        return tuple(map(Output.of, self.session.net.outputs, found))

    def latency(self, percentiles: Sequence[float] = ()) -> Latency | None:
        """Return how long single images take, with these percentiles; None where the net takes no single one."""
        if not takes_batch(self.session.net, 1):
            return None
        count = min(settings.LATENCY_REQUESTS, len(self.labels))
        return Latency.of(durations(self.request, count, settings.LATENCY_BUDGET_S), 1, percentiles)


class PackedJob(Job):
    """A session and a packed file.

    Parameters
    ----------
    session, batch
        As `Job` has them; None: all images, or the batch that the net states. A session hands out what it is given in
        one call to its threads in chunks.
    path : Path
    transform : PixelTransform
        From stored images to the net's only input.
    progress : callable, optional
        Told the chunks of a call that are done.
    asked : Asked, optional
        By default of all images, and the net's first output has the scores.

    Raises
    ------
    DataError
        Where the file cannot be used.
    """

    def __init__(
        self,
        session: Session,
        path: Path,
        transform: PixelTransform,
        batch: int | None = None,
        progress: Progress | None = None,
        asked: Asked | None = None,
    ):
        asked = asked or Asked(first_output(session.net))
        self._path, self._count = path, asked.images
        data = self._opened()
        batch = batch or stated_batch(session.net)
        super().__init__(session, (data.labels, data.classes), batch, asked.scores, progress)
        self.transform, self._images = transform, data.images()

    def _opened(self) -> Dataset:
        return first_images(PackedData.open(self._path), self._count)

    def warm(self) -> None:
        """Make what the first call takes, and run some of its images."""
        warm(self.session, self._images, self.transform, self.batch)

    def calls(self) -> Iterator[list[Array]]:
        """Open the file and run it."""
        return outputs_of_images(self.session, self._opened().images(), self.transform, self.batch, self._progress)

    def request(self, number: int) -> list[Array]:
        """Run one image."""
        return next(outputs_of_images(self.session, self._images[number : number + 1], self.transform))

    def feeds(self, batch: int) -> Iterator[Feed]:
        """Open the file and transform its images."""
        return (self._feed(images) for images in self._opened().batches(batch))

    def feed_of(self, number: int) -> Feed:
        """Transform one image."""
        return self._feed(self._images[number : number + 1])

    def _feed(self, images: Array) -> Feed:
        return {next(iter(self.session.net.inputs)): self.transform.apply(images)}


class OnlineJob(Job):
    """A session and a data set that is decoded and preprocessed batch by batch, the contest's starting point.

    Parameters
    ----------
    session, batch
        As `Job` has them.
    dataset : Dataset
    transform : PixelTransform
    asked : Asked, optional
        As `PackedJob` takes it.
    progress : callable, optional
        As `Job` takes it.
    """

    batch: int

    def __init__(
        self,
        session: Session,
        dataset: Dataset,
        transform: PixelTransform,
        batch: int,
        asked: Asked | None = None,
        progress: Progress | None = None,
    ):
        asked = asked or Asked(first_output(session.net))
        dataset = first_images(dataset, asked.images)
        super().__init__(session, (dataset.labels, dataset.classes), batch, asked.scores, progress)
        self.transform, self._dataset, self._input = transform, dataset, next(iter(session.net.inputs))

    def feeds(self, batch: int) -> Iterator[Feed]:
        """Decode and transform the data set."""
        return ({self._input: self.transform.apply(images)} for images in self._dataset.batches(batch))

    def feed_of(self, number: int) -> Feed:
        """Decode and transform one image."""
        return {self._input: self.transform.apply(self._dataset.images(number, number + 1))}


class FeedJob(Job):
    """A session and values for all inputs of its net, whatever these are.

    Parameters
    ----------
    session
        As `Job` has it.
    parts : callable
        Images a call -> the net's inputs, call by call.
    count : int
        How many images these are in all.
    batch : int
        Images a call.
    progress : callable, optional
        As `Job` takes it.
    """

    batch: int

    def __init__(
        self,
        session: Session,
        parts: Callable[[int], Sequence[Feed]],
        count: int,
        batch: int,
        progress: Progress | None = None,
    ):
        super().__init__(session, (np.zeros(count, np.int32), ()), batch, None, progress)
        self._parts, self._calls = parts, parts(batch)
        self._single = parts(1)[0] if takes_batch(session.net, 1) else self._calls[0]

    @staticmethod
    def made_up(session: Session, batch: int, images: int, progress: Progress | None = None) -> "FeedJob":
        """Return the job of at least `images` made-up ones, in whole batches, all of which get the same values."""
        count = -(-images // batch) * batch

        def parts(each: int) -> Sequence[Feed]:
            return [made_up_feed(session.net, each)] * -(-count // each)

        return FeedJob(session, parts, count, batch, progress)

    @staticmethod
    def of(session: Session, feed: Feed, batch: int | None = None, progress: Progress | None = None) -> "FeedJob":
        """Return the job of given values; all in one call where no batch is said."""
        count = feed_images(session.net, feed)
        return FeedJob(session, partial(feed_parts, session.net, feed), count, batch or count, progress)

    def feeds(self, batch: int) -> Iterator[Feed]:
        """Give all values."""
        return iter(self._calls if batch == self.batch else self._parts(batch))

    def feed_of(self, number: int) -> Feed:
        """Give one image."""
        return self._single
