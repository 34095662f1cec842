"""How often a net is right: top-1, top-5, class by class, and what is taken for what."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xdn.errors import DataError
from xdn.graph import Array

#: The prediction for an image whose scores are not all finite numbers.
INVALID = -1
#: Scores among which top-5 accuracy looks for the label.
TOP = 5


@dataclass(frozen=True)
class ClassAccuracy:
    """How often the images of one class are right, and what they are taken for: a row of the confusion matrix.

    Parameters
    ----------
    name : str
    correct, images : int
        Images of the class whose largest score is at their label, of how many.
    predicted : tuple of (int, int)
        (class, images) for each class that was predicted for images of this one, ascending; `INVALID` for those
        without finite scores. What is not listed has no images.
    """

    name: str
    correct: int
    images: int
    predicted: tuple[tuple[int, int], ...]

    @property
    def percent(self) -> float | None:
        """Share of correct images in percent, None where there are no images."""
        return 100.0 * self.correct / self.images if self.images else None


@dataclass(frozen=True)
class Accuracy:
    """Top-1 accuracy, and what it is made of.

    Parameters
    ----------
    correct, images : int
        Images whose largest score is at their label, of how many.
    invalid : int
        Images with a score that is not a finite number; none of them is correct.
    top5 : int, optional
        Images whose label is among the five largest scores. None where the net has five scores or fewer: every label
        would be among them.
    classes : tuple of ClassAccuracy
        One for each class of the data set, in the order of the labels.
    """

    correct: int
    images: int
    invalid: int = 0
    top5: int | None = None
    classes: tuple[ClassAccuracy, ...] = ()

    @property
    def percent(self) -> float:
        """Share of correct images in percent."""
        return 100.0 * self.correct / self.images

    @property
    def top5_percent(self) -> float | None:
        """Share of images with the label among the five largest scores in percent, None where it says nothing."""
        return None if self.top5 is None else 100.0 * self.top5 / self.images


def predicted(scores: Array) -> Array:
    """Return (N,) int32: the class with the largest score of each image, `INVALID` where a score is not finite.

    `scores` is (N, K) or (N, K, 1, 1).
    """
    flat = scores.reshape(len(scores), -1)
    return np.where(np.isfinite(flat).all(axis=1), flat.argmax(axis=1), INVALID).astype(np.int32)


def label_ranks(scores: Array, labels: Array) -> Array:
    """Return (N,) how many scores come before each image's label; 0 where `predicted` gives the label.

    Of equal scores that of the lower class comes first, as `argmax` has it. A label beyond the scores, and any label
    of an image whose scores are not all finite, has every score before it.

    Parameters
    ----------
    scores : (N, K) or (N, K, 1, 1)
    labels : (N,) int
    """
    flat = scores.reshape(len(scores), -1)
    count = flat.shape[1]
    column = np.minimum(labels, count - 1)[:, None]
    own = np.take_along_axis(flat, column, axis=1)
    before = (flat > own) | ((flat == own) & (np.arange(count) < column))
    counted = np.isfinite(flat).all(axis=1) & (labels < count)
    ranks: Array = np.where(counted, np.count_nonzero(before, axis=1), count)
    return ranks


def measured(labels: Array, predictions: Array, scores: Sequence[Array], names: Sequence[str]) -> Accuracy:
    """Compare labels with predictions and scores.

    Parameters
    ----------
    labels, predictions : (N,) int
    scores : sequence of (n, K) or (n, K, 1, 1)
        Of the images in order, in as many parts as they were computed in.
    names : sequence of str
        Of the data set's classes.

    Raises
    ------
    DataError
        Where there are not as many predictions and scores as labels.
    """
    for what, found in (("predictions", len(predictions)), ("scores", sum(map(len, scores)))):
        if found != len(labels):
            raise DataError(f"{len(labels)} labels for {found} {what}")
    correct, invalid = np.count_nonzero(labels == predictions), np.count_nonzero(predictions == INVALID)
    return Accuracy(
        int(correct), len(labels), int(invalid), _top5(labels, scores), _by_class(labels, predictions, names)
    )


def together(parts: Sequence[Accuracy]) -> Accuracy:
    """Return the accuracy over all images of which parts were measured, at least one, with the same classes."""
    top5 = [part.top5 for part in parts if part.top5 is not None]
    return Accuracy(
        sum(part.correct for part in parts),
        sum(part.images for part in parts),
        sum(part.invalid for part in parts),
        sum(top5) if top5 else None,
        tuple(map(_class_together, zip(*(part.classes for part in parts), strict=True))),
    )


def _class_together(parts: Sequence[ClassAccuracy]) -> ClassAccuracy:
    predicted: Counter[int] = Counter()
    for part in parts:
        predicted.update(dict(part.predicted))
    correct, images = sum(part.correct for part in parts), sum(part.images for part in parts)
    return ClassAccuracy(parts[0].name, correct, images, tuple(sorted(predicted.items())))


def _top5(labels: Array, scores: Sequence[Array]) -> int | None:
    if scores[0][0].size <= TOP:
        return None
    found, start = 0, 0
    for part in scores:
        found += int(np.count_nonzero(label_ranks(part, labels[start : start + len(part)]) < TOP))
        start += len(part)
    return found


def _by_class(labels: Array, predictions: Array, names: Sequence[str]) -> tuple[ClassAccuracy, ...]:
    pairs, counts = np.unique(np.stack([labels, predictions]), axis=1, return_counts=True)
    rows: list[list[tuple[int, int]]] = [[] for _ in names]
    for label, prediction, images in zip(*pairs.tolist(), counts.tolist(), strict=True):
        rows[label].append((prediction, images))
    return tuple(
        ClassAccuracy(name, dict(row).get(label, 0), sum(images for _, images in row), tuple(row))
        for label, (name, row) in enumerate(zip(names, rows, strict=True))
    )
