"""Other engines on the data of a run: the same inputs, as many threads, in turn with the session."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from xdn import settings
from xdn.evaluate.answers import Answers, takes_batch
from xdn.evaluate.contest import Contestant, ContestResult, Rounds, timed
from xdn.evaluate.engines import ENGINES, Engine
from xdn.evaluate.timing import Latency, durations, run_for
from xdn.graph import Array, Feed, Net, Shape

if TYPE_CHECKING:
    from xdn.evaluate.contestants import Job


@dataclass(frozen=True)
class Setting:
    """How an engine is run: images a call, and one of its variants."""

    batch: int
    variant: str


@dataclass(frozen=True)
class Compared:
    """What another engine gave.

    Parameters
    ----------
    engine : str
        Name and version.
    contest : ContestResult
    batch : int
        Images a call, as many as were the fastest on the first images.
    variant : str
        Which of the engine's ways to run was.
    difference : float or None
        Largest difference of its outputs for the first image to those of the session, relative to the largest output;
        None where they have other shapes.
    """

    engine: str
    contest: ContestResult
    batch: int
    variant: str
    difference: float | None


class EngineJob(Contestant):
    """Another engine on the data of a job, in whichever setting is the fastest on the first images.

    Parameters
    ----------
    job : Job
    engine : Engine
    batches : sequence of int
        Images a call, to choose from.
    """

    def __init__(self, job: "Job", engine: Engine, batches: Sequence[int]):
        super().__init__(job.labels, job.classes, job.counted)
        self._job, self._engine, self._net = job, engine, job.session.net
        self._configured: tuple[Setting, dict[str, Shape]] | None = None
        self.setting = self._fastest(batches)
        self.difference = self._difference()

    def warm(self) -> None:
        """Set the engine up, and run a call."""
        feed = next(self._job.feeds(self.setting.batch))
        self._configure(self.setting, feed)
        self._run(feed)

    def answers(self) -> Answers:
        """Run all images."""
        return self._job.answers_of(self._calls())

    def latency(self, percentiles: Sequence[float] = ()) -> Latency | None:
        """Return how long single images take, as `Job.latency` does, in the variant that suits these best."""
        if not takes_batch(self._net, 1):
            return None
        single = self._fastest([1])
        self._configure(single, self._job.feed_of(0))
        count = min(settings.LATENCY_REQUESTS, len(self.labels))
        taken = durations(lambda number: self._run(self._job.feed_of(number)), count, settings.LATENCY_BUDGET_S)
        return Latency.of(taken, 1, percentiles)

    def result(self, contest: ContestResult, percentiles: Sequence[float] = ()) -> Compared:
        """Return what the engine gave: `contest`, and the latency, which is measured now."""
        contest = replace(contest, latency=self.latency(percentiles))
        return Compared(self._engine.title(), contest, self.setting.batch, self.setting.variant, self.difference)

    def _run(self, feed: Feed) -> list[Array]:
        return next(self._engine.infer([feed]))

    def _configure(self, setting: Setting, feed: Feed) -> None:
        """Set the engine up, unless it is already."""
        wanted = setting, {name: array.shape for name, array in feed.items()}
        if wanted != self._configured:
            self._engine.configure(wanted[1], setting.variant)
            self._configured = wanted

    def _fastest(self, batches: Sequence[int]) -> Setting:
        """Return the setting with the most images a second on the first images, one call after another."""
        seconds = {}
        for batch in batches:
            feed = next(self._job.feeds(batch))
            for variant in self._engine.variants:
                setting = Setting(batch, variant)
                self._configure(setting, feed)
                self._run(feed)
                seconds[setting] = self._seconds(feed) / batch
        return min(seconds, key=lambda setting: seconds[setting])

    def _seconds(self, feed: Feed) -> float:
        """Return the seconds of a call, of as many at once as a short trial has."""
        begin = time.perf_counter()
        self._run(feed)
        count = max(2, int(settings.COMPARED_TRIAL_S / (time.perf_counter() - begin)))
        begin = time.perf_counter()
        for _ in self._engine.infer([feed] * count):
            pass
        return (time.perf_counter() - begin) / count

    def _calls(self) -> Iterator[list[Array]]:
        """Yield the outputs for all images, call by call; those that filled up the last call are cut off."""
        counts = [len(part) for part in np.array_split(self.labels, range(0, len(self.labels), self.setting.batch)[1:])]
        outputs = self._engine.infer(self._filled(feed) for feed in self._job.feeds(self.setting.batch))
        for count, call in zip(counts, self._job.told(outputs, self.setting.batch), strict=True):
            yield [array[:count] if len(array) == self.setting.batch else array for array in call]

    def _filled(self, feed: Feed) -> Feed:
        """Return a feed with as many images as a call has, where the engine is set up for so many alone."""
        batch, shared = self.setting.batch, self._net.inputs_of_images
        missing = batch - len(feed[shared[0]])
        if not missing or not self._engine.fixed_batch:
            return feed
        return {n: np.concatenate([a, a[:1].repeat(missing, 0)]) if n in shared else a for n, a in feed.items()}

    def _difference(self) -> float | None:
        feed = self._job.feed_of(0) if takes_batch(self._net, 1) else next(self._job.feeds(self.setting.batch))
        self._configure(self.setting, feed)
        found, expected = self._run(feed), self._job.session.run(None, feed)
        pairs = list(zip(found, expected, strict=True))
        if any(a.shape != b.shape for a, b in pairs):
            return None
        largest = max(float(np.abs(b).max(initial=0)) for _, b in pairs)
        return max(float(np.abs(a - b).max(initial=0)) for a, b in pairs) / (largest or 1.0)


def compared(
    job: "Job",
    others: Sequence[EngineJob],
    rounds: Rounds,
    begun: Callable[[int, int], None] | None = None,
) -> list[ContestResult]:
    """Time a session and other engines in turn, as `timed` does; return the result of the session first.

    Each runs for a moment before it is timed: its own threads are awake then, and those of the engine before it, which
    may spin for work for 0.2 s (OpenMP), asleep.
    """
    contestants = [job, *others]

    def awake(number: int, place: int) -> None:
        if begun is not None:
            begun(number, place)
        run_for(contestants[place].warm, settings.COMPARED_WARM_S)

    return timed(contestants, rounds, awake if others else begun)


@contextmanager
def engines_of(net: Net, names: Sequence[str], threads: int) -> Iterator[list[Engine]]:
    """Give the engines of these names with a net, each by its ONNX form.

    Raises
    ------
    UnknownNameError
        For a name that is not in `ENGINES`.
    MissingExtraError
        Where an engine is not installed; the message says how it is.
    UnsupportedError
        Where the net has no ONNX form, or an engine cannot run it.
    """
    if not names:
        yield []
        return
    kinds = [ENGINES[name] for name in names]
    from xdn.frontend.onnx.writer import save_onnx

    with TemporaryDirectory(prefix="xdn-") as folder:
        path = Path(folder) / "net.onnx"
        save_onnx(net, path)
        yield [kind(path, threads) for kind in kinds]
