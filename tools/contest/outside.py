"""What stands beside XDN in the contest: OpenCV's dnn module, and Caffe's own algorithm."""

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from xdn.data.dataset import Dataset
from xdn.data.pixels import PixelTransform
from xdn.errors import UnsupportedError
from xdn.evaluate.answers import Answers
from xdn.evaluate.contest import Contestant
from xdn.graph import Net

#: Batch sizes that OpenCV tries, and the images on which it does.
OPENCV_BATCHES, TRIAL_IMAGES = (10, 20, 50, 100), 200


class OpenCv(Contestant):
    """OpenCV's dnn module on a prototxt and caffemodel, images decoded on line.

    Parameters
    ----------
    prototxt, caffemodel : Path
    dataset : Dataset
        In the order of channels that the net expects.
    transform : PixelTransform
    threads : int

    Raises
    ------
    UnsupportedError
        Where this OpenCV has no Caffe importer.
    """

    def __init__(self, prototxt: Path, caffemodel: Path, dataset: Dataset, transform: PixelTransform, threads: int):
        super().__init__(dataset.labels, dataset.classes)
        if not hasattr(cv2.dnn, "readNetFromCaffe"):
            raise UnsupportedError("this OpenCV has no Caffe importer", mend="Install a version below 5")
        begin = time.perf_counter()
        self._net = cv2.dnn.readNetFromCaffe(str(prototxt), str(caffemodel))
        self._net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
        self.load_s = time.perf_counter() - begin
        self.engine, self.threads = f"OpenCV {cv2.__version__}, dnn", threads
        self._dataset, self._transform = dataset, transform
        self.batch = OPENCV_BATCHES[0]

    def warm(self) -> None:
        """Keep the batch size that is fastest on the first images."""
        seconds = {}
        for self.batch in OPENCV_BATCHES:
            count = -(-min(TRIAL_IMAGES, len(self.labels)) // self.batch)
            # The first batch of a new size sets the net up.
            Answers.of(self._outputs(1))
            begin = time.perf_counter()
            found = Answers.of(self._outputs(count))
            seconds[self.batch] = (time.perf_counter() - begin) / len(found.classes)
        self.batch = min(seconds, key=lambda batch: seconds[batch])

    def answers(self) -> Answers:
        """Decode and classify the data set."""
        return Answers.of(self._outputs(None))

    def _outputs(self, batches: int | None) -> Iterator[np.ndarray]:
        cv2.setNumThreads(self.threads)
        for images in map(self._transform.apply, islice(self._dataset.batches(self.batch), batches)):
            self._net.setInput(images)
            yield self._net.forward().copy()


class Caffe(Contestant):
    """Caffe's algorithm, im2col and BLAS: the layers' NumPy references, on the first images, decoded on line.

    Parameters
    ----------
    net : Net
    dataset, transform
        As `OpenCv` takes them.
    batch : int
    images : int
        How many to run, rounded up to whole batches.
    threads : int
        What BLAS takes by itself, for the record.
    """

    def __init__(self, net: Net, dataset: Dataset, transform: PixelTransform, batch: int, *, images: int, threads: int):
        batch = min(batch, images, len(dataset))
        self._batches = -(-min(images, len(dataset)) // batch)
        super().__init__(dataset.labels[: self._batches * batch], dataset.classes)
        self.engine, self.threads, self.load_s = f"Caffe's algorithm, NumPy {np.__version__}", threads, 0.0
        self._net, self._dataset, self._transform, self.batch = net.with_batch(batch), dataset, transform, batch

    def warm(self) -> None:
        """Run the first batch."""
        next(self._outputs())

    def answers(self) -> Answers:
        """Decode and classify the images."""
        return Answers.of(self._outputs())

    def _outputs(self) -> Iterator[np.ndarray]:
        name, output = next(iter(self._net.inputs)), self._net.outputs[0]
        for images in map(self._transform.apply, islice(self._dataset.batches(self.batch), self._batches)):
            yield self._net.forward({name: images})[output]
