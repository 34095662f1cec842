"""The contest's measure: wall-clock time from the stored images to the labels of all of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from xdn import settings
from xdn.data.dataset import Dataset
from xdn.data.online import online_batches
from xdn.data.packed import PackedData
from xdn.data.pixels import PixelTransform
from xdn.errors import DataError
from xdn.evaluate.accuracy import Accuracy, predicted, top1
from xdn.evaluate.timing import Latency, durations
from xdn.graph.layer import Array
from xdn.kernels.layout import B
from xdn.runtime.executor import Progress
from xdn.runtime.profile import Profile
from xdn.runtime.session import Session


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
    latency : Latency
        Of single requests.
    """

    accuracy: Accuracy
    contest_s: float
    runs_s: tuple[float, ...]
    latency: Latency

    @property
    def images_per_s(self) -> float:
        """Images a second in the median run."""
        return self.accuracy.images / self.contest_s


def classify(session: Session, images: Array, transform: PixelTransform, progress: Progress | None = None) -> Array:
    """Return the (N,) int32 classes that the net's first output gives to images (N, H, W, C), u8 or f32."""
    if images.dtype == np.uint8:
        return predicted(session.run_pixels(images, transform, progress)[0])
    name = next(iter(session.net.inputs))
    step = _images_at_once(session)
    parts = [
        predicted(session.run(None, {name: transform.apply(images[start : start + step])})[0])
        for start in range(0, len(images), step)
    ]
    return np.concatenate(parts)


def _images_at_once(session: Session) -> int:
    """Return how many images are transformed in Python and run in one call: a chunk for each thread."""
    return settings.CHUNK_IMAGES * session.threads


def profile_packed(session: Session, path: Path, transform: PixelTransform) -> Profile:
    """Classify a packed file again and return what each layer took.

    Images of u8 are one run; of images that were packed as f32, the first call is measured.
    """
    images = PackedData.open(path).images
    count = len(images) if images.dtype == np.uint8 else _images_at_once(session)
    classify(session, images[:count], transform)
    return session.profile()


def profile_online(session: Session, dataset: Dataset, transform: PixelTransform, batch: int) -> Profile:
    """Run the first batch of a data set again and return what each layer took; decoding is no part of it."""
    images = next(iter(online_batches(dataset, transform, batch)))
    session.run(None, {next(iter(session.net.inputs)): images})
    return session.profile()


def run_packed(
    session: Session, path: Path, transform: PixelTransform, repeat: int = 1, progress: Progress | None = None
) -> ContestResult:
    """Classify a packed file `repeat` times and time it; kernels are compiled before the clock starts.

    Raises
    ------
    DataError
        Where the file cannot be used, or two repetitions differ.
    """
    data = PackedData.open(path)
    classify(session, data.images[:B], transform)
    classes, runs = _repeated(lambda: classify(session, PackedData.open(path).images, transform, progress), repeat)
    latency = _latency(lambda i: classify(session, data.images[i : i + 1], transform), len(data.labels), 1)
    return ContestResult(top1(data.labels, classes), median(runs), tuple(runs), latency)


def run_online(
    session: Session, dataset: Dataset, transform: PixelTransform, batch: int, repeat: int = 1
) -> ContestResult:
    """Classify a data set that is decoded and preprocessed batch by batch, the contest's starting point."""
    name = next(iter(session.net.inputs))

    def once() -> Array:
        batches = online_batches(dataset, transform, batch)
        return np.concatenate([predicted(session.run(None, {name: x})[0]) for x in batches])

    def request(i: int) -> Array:
        return predicted(session.run(None, {name: transform.apply(dataset.images(i, i + 1))})[0])

    request(0)
    classes, runs = _repeated(once, repeat)
    return ContestResult(top1(dataset.labels, classes), median(runs), tuple(runs), _latency(request, len(dataset), 1))


def _repeated(run: Callable[[], Array], repeat: int) -> tuple[Array, list[float]]:
    """Return the classes and the seconds of each repetition; raise DataError where two repetitions differ."""
    classes: list[Array] = []
    seconds: list[float] = []
    for _ in range(repeat):
        begin = time.perf_counter()
        classes.append(run())
        seconds.append(time.perf_counter() - begin)
    if any(not np.array_equal(classes[0], other) for other in classes[1:]):
        raise DataError("two runs over the same data gave different classes: the data changed meanwhile")
    return classes[0], seconds


def _latency(request: Callable[[int], object], images: int, batch: int) -> Latency:
    count = min(settings.LATENCY_REQUESTS, images)
    return Latency.of(durations(request, count, settings.LATENCY_BUDGET_S), batch)
