"""Boxes as detectors use them: corners, overlaps, and non-maximum suppression.

A box is (xmin, ymin, xmax, ymax). SSD's boxes are fractions of the image, and as wide as xmax - xmin; those of Faster
R-CNN are pixels, and one wider, because both edges belong to them (`unit` 0 and 1).
"""

from typing import Protocol

import numpy as np

from xdn.graph import Array, Shape


class Suppress(Protocol):
    """Non-maximum suppression, as `suppress` does it."""

    def __call__(self, boxes: Array, threshold: float, *, unit: float = ..., eta: float = ...) -> Array:
        """Return the indices of the boxes that are kept, best first."""


def areas(boxes: Array, unit: float = 0.0) -> Array:
    """Return the areas (N,) of boxes (N, 4); 0 where a box is inside out."""
    extents = boxes[:, 2:] - boxes[:, :2] + boxes.dtype.type(unit)
    return np.where((extents < 0).any(axis=1), 0, extents[:, 0] * extents[:, 1])


def overlaps(box: Array, boxes: Array, unit: float = 0.0) -> Array:
    """Return the Jaccard overlaps (N,) of one box (4,) with boxes (N, 4): intersection over union."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    extent = high - low + box.dtype.type(unit)
    shared = np.where((extent > 0).all(axis=1), extent[:, 0] * extent[:, 1], 0)
    union = areas(box[None], unit) + areas(boxes, unit) - shared
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(shared > 0, shared / union, 0)


def ranked(scores: Array, candidates: Array) -> Array:
    """Return the indices (M,) of the `candidates` (N,) bool, the highest score first, of equal ones the first."""
    order = np.flatnonzero(candidates)
    return order[np.argsort(-scores[order], kind="stable")]


def around(centres: Array, sizes: Array, coded: Array) -> Array:
    """Return boxes (N, 4) from how far their centres are moved, and the logarithms of how much their sizes grow.

    Parameters
    ----------
    centres, sizes : (N, 2)
        Of the boxes that they are relative to.
    coded : (N, 4)
        Moves in sizes, then the logarithms.
    """
    centres = centres + coded[:, :2] * sizes
    with np.errstate(over="ignore"):
        half = np.exp(coded[:, 2:]) * sizes / 2
    return np.hstack([centres - half, centres + half])


def suppress(boxes: Array, threshold: float, *, unit: float = 0.0, eta: float = 1.0) -> Array:
    """Return the indices of the boxes that are kept, best first.

    Boxes come best first. One is dropped where it overlaps one that was kept by more than the threshold, which `eta`
    lowers after each kept box while it is above one half (SSD's bbox_util.cpp).

    Parameters
    ----------
    boxes : (N, 4) f32
    threshold : float
    unit : float
        What is added to the extents of boxes.
    eta : float
        1 keeps the threshold.
    """
    kept: list[int] = []
    bound = np.float32(threshold)
    for index in range(len(boxes)):
        if (overlaps(boxes[index], boxes[kept], unit) <= bound).all():
            kept.append(index)
            if eta < 1 and bound > 0.5:
                bound *= np.float32(eta)
    return np.array(kept, np.int64)


def example_size(bottom: int, shape: Shape, image: Shape) -> Array | None:
    """Return values for the third bottom of a layer of proposals: the image's size, then 1; None for another one."""
    if bottom != 2:
        return None
    values = np.ones(shape, np.float32)
    values.reshape(-1)[:2] = image
    return values
