"""How often a net is right."""

from dataclasses import dataclass

import numpy as np

from xdn.errors import DataError
from xdn.graph.layer import Array


@dataclass(frozen=True)
class Accuracy:
    """Top-1 accuracy.

    Parameters
    ----------
    correct, images : int
        Images whose largest score is at their label, of how many.
    """

    correct: int
    images: int

    @property
    def percent(self) -> float:
        """Share of correct images in percent."""
        return 100.0 * self.correct / self.images


def predicted(scores: Array) -> Array:
    """Return (N,) int32, the class with the largest score of each image; `scores` is (N, K) or (N, K, 1, 1)."""
    flat = scores.reshape(len(scores), -1)
    return np.asarray(flat.argmax(axis=1), np.int32)


def top1(labels: Array, predictions: Array) -> Accuracy:
    """Compare (N,) labels with (N,) predictions; raise DataError where their numbers differ."""
    if labels.shape != predictions.shape:
        raise DataError(f"{len(labels)} labels for {len(predictions)} predictions")
    return Accuracy(int(np.count_nonzero(labels == predictions)), len(labels))
