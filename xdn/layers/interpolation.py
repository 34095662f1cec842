"""Bilinear interpolation: between which places of a blob each place of another size lies, and how near to each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xdn.graph import Array


@dataclass(frozen=True, eq=False)
class Corners:
    """Where the places along one axis of the top lie in the bottom.

    Parameters
    ----------
    before, after : (P,) int
        Places of the bottom.
    share : (P,) f32
        How much of the value comes from the place after.
    """

    before: Array
    after: Array
    share: Array


def aligned_corners(size: int, wanted: int, start: int = 0) -> Corners:
    """Return the corners along an axis of `size`, whose first and last place fall on the first and last of `wanted`.

    The blob has `start` places more before the first.

    The source is interp.cpp of the DeepLab branch of Caffe.
    """
    step = np.float32(size - 1) / np.float32(wanted - 1) if wanted > 1 else np.float32(0)
    at = step * np.arange(wanted, dtype=np.float32)
    before = np.minimum(at.astype(np.int64), size - 1)
    return Corners(start + before, start + np.minimum(before + 1, size - 1), at - before.astype(np.float32))


def centred_corners(size: int, wanted: int) -> Corners:
    """Return the corners along an axis of `size` whose places are as wide as they lie apart: their middles count.

    Beyond the middle of the first and of the last place stands what stands there. The source is OpenCV's resize.cpp.
    """
    at = ((np.arange(wanted) + 0.5) * (size / wanted) - 0.5).astype(np.float32)
    before = np.floor(at).astype(np.int64)
    share = np.where((before < 0) | (before >= size - 1), np.float32(0), at - before.astype(np.float32))
    before = before.clip(0, size - 1)
    return Corners(before, np.minimum(before + 1, size - 1), share.astype(np.float32))


def interpolated(images: Array, corners: Sequence[Corners]) -> Array:
    """Return images (N, C, H, W) interpolated along the rows, then along the columns, each in f32."""
    for axis, along in enumerate(corners, start=2):
        share = along.share.reshape(-1, *(1,) * (3 - axis))
        images = (1 - share) * images.take(along.before, axis) + share * images.take(along.after, axis)
    return np.ascontiguousarray(images, np.float32)
