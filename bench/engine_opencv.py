"""OpenCV's dnn module."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from engine import Engine, Model, register


@register
class OpenCv(Engine):
    """OpenCV's own backend on the prototxt and caffemodel that XDN writes."""

    name = "opencv"
    distribution = "opencv-python-headless"
    fixed_batch = True

    def __init__(self, model: Model, threads: int):
        super().__init__(model, threads)
        if not hasattr(cv2.dnn, "readNetFromCaffe"):
            raise ImportError("this OpenCV has no Caffe importer; versions below 5 have it")
        files = (str(model.folder / "net.prototxt"), str(model.folder / "net.caffemodel"))
        self._net = cv2.dnn.readNetFromCaffe(*files)
        self._net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)

    def configure(self, batch: int, variant: str) -> None:
        """Set the threads; the net adapts to a batch size at its first run."""
        cv2.setNumThreads(self.threads)

    def infer(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """One forward a batch."""
        for x in batches:
            self._net.setInput(x, self.model.input_name)
            yield self._net.forward().copy()
