"""XDN's own contestants: a session on packed data, and one whose images are decoded on line."""

from abc import abstractmethod
from pathlib import Path

from xdn import settings
from xdn.data.dataset import Dataset
from xdn.data.online import online_batches
from xdn.data.packed import PackedData
from xdn.data.pixels import PixelTransform
from xdn.evaluate.accuracy import predicted
from xdn.evaluate.answers import Answers, answers, classify, images_at_once
from xdn.evaluate.contest import Contestant
from xdn.evaluate.timing import Latency, durations
from xdn.graph.layer import Array
from xdn.kernels.layout import B
from xdn.runtime.executor import Progress
from xdn.runtime.profile import Profile
from xdn.runtime.session import Session


class Job(Contestant):
    """A session with its data.

    Parameters
    ----------
    session : Session
    transform : PixelTransform
        From stored images to the net's only input.
    batch : int or None
        Images that are given to the session in one call; None for all.
    """

    session: Session
    transform: PixelTransform
    batch: int | None

    @abstractmethod
    def request(self, number: int) -> None:
        """Classify one image."""

    @abstractmethod
    def profile(self) -> Profile:
        """Run images again and return what each layer took."""

    def latency(self) -> Latency:
        """Return how long single images take."""
        count = min(settings.LATENCY_REQUESTS, len(self.labels))
        return Latency.of(durations(self.request, count, settings.LATENCY_BUDGET_S), 1)


class PackedJob(Job):
    """A session and a packed file.

    Parameters
    ----------
    session, transform, batch
        As `Job` has them. A session hands out what it is given in one call to its threads in chunks.
    path : Path
    progress : callable, optional
        Told the chunks that are done.

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
    ):
        self._data = PackedData.open(path)
        super().__init__(self._data.labels, self._data.header.classes)
        self.session, self.transform, self.batch = session, transform, batch
        self._path, self._progress = path, progress

    def warm(self) -> None:
        """Classify the first images: so many that they are run as all of them will be, by the same kernels."""
        count = self.batch or B * self.session.threads
        classify(self.session, self._data.images[:count], self.transform)

    def answers(self) -> Answers:
        """Open the file and classify it."""
        return answers(self.session, PackedData.open(self._path).images, self.transform, self.batch, self._progress)

    def request(self, number: int) -> None:
        """Classify one image."""
        classify(self.session, self._data.images[number : number + 1], self.transform)

    def profile(self) -> Profile:
        """Classify the file again and return what each layer took; where that takes several calls, in the first."""
        images = self._data.images
        classify(self.session, images[: self.batch or images_at_once(self.session, images)], self.transform)
        return self.session.profile()


class OnlineJob(Job):
    """A session and a data set that is decoded and preprocessed batch by batch, the contest's starting point."""

    batch: int

    def __init__(self, session: Session, dataset: Dataset, transform: PixelTransform, batch: int):
        super().__init__(dataset.labels, dataset.classes)
        self.session, self.transform, self.batch = session, transform, batch
        self._dataset, self._input = dataset, next(iter(session.net.inputs))

    def warm(self) -> None:
        """Run the first batch."""
        self._first_output(next(online_batches(self._dataset, self.transform, self.batch)))

    def answers(self) -> Answers:
        """Decode and classify the data set."""
        return Answers.of(map(self._first_output, online_batches(self._dataset, self.transform, self.batch)))

    def request(self, number: int) -> None:
        """Decode and classify one image."""
        predicted(self._first_output(self.transform.apply(self._dataset.images(number, number + 1))))

    def profile(self) -> Profile:
        """Run the first batch again and return what each layer took; decoding is no part of it."""
        self.warm()
        return self.session.profile()

    def _first_output(self, images: Array) -> Array:
        return self.session.run(None, {self._input: images})[0]
