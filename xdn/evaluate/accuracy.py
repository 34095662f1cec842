"""How often a net is right."""

from dataclasses import dataclass

import numpy as np

from xdn.errors import DataError
from xdn.graph.layer import Array

#: The prediction for an image whose scores are not all finite numbers.
INVALID = -1


@dataclass(frozen=True)
class Accuracy:
    """Top-1 accuracy.

    Parameters
    ----------
    correct, images : int
        Images whose largest score is at their label, of how many.
    invalid : int
        Images with a score that is no finite number; none of them is correct.
    """

    correct: int
    images: int
    invalid: int = 0

    @property
    def percent(self) -> float:
        """Share of correct images in percent."""
        return 100.0 * self.correct / self.images


def predicted(scores: Array) -> Array:
    """Return (N,) int32: the class with the largest score of each image, `INVALID` where a score is not finite.

    `scores` is (N, K) or (N, K, 1, 1).
    """
    flat = scores.reshape(len(scores), -1)
    return np.where(np.isfinite(flat).all(axis=1), flat.argmax(axis=1), INVALID).astype(np.int32)


def top1(labels: Array, predictions: Array) -> Accuracy:
    """Compare (N,) labels with (N,) predictions; raise DataError where their numbers differ."""
    if labels.shape != predictions.shape:
        raise DataError(f"{len(labels)} labels for {len(predictions)} predictions")
    correct, invalid = np.count_nonzero(labels == predictions), np.count_nonzero(predictions == INVALID)
    return Accuracy(int(correct), len(labels), int(invalid))
