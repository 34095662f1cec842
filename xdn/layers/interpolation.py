"""Bilinear interpolation: between which places of a blob each place of another size lies, and how near to each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xdn.graph import Array, Blob


@dataclass(frozen=True, eq=False)
class Corners:
    """Where the places along one axis of the top lie in the bottom.

    Parameters
    ----------
    before, after : (P,) int
        Places of the bottom.
    share : (P,) f32
        How much of the value comes from the place after.
    kept : (P,) f32, optional
        How much of it comes from the place before, where that is not 1 - share.
    """

    before: Array
    after: Array
    share: Array
    kept: Array | None = None

    @property
    def rest(self) -> Array:
        """(P,) f32: how much of the value comes from the place before."""
        return 1 - self.share if self.kept is None else self.kept


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
        rest, share = (each.reshape(-1, *(1,) * (3 - axis)) for each in (along.rest, along.share))
        images = rest * images.take(along.before, axis) + share * images.take(along.after, axis)
    return np.ascontiguousarray(images, np.float32)


def interpolated_bytes(images: Blob, wanted: int) -> int:
    """Return about how many bytes `interpolated` takes between rows and columns, for images of a `wanted` height."""
    return 3 * heightened_bytes(images, wanted)


def heightened_bytes(images: Blob, wanted: int) -> int:
    """Return how many bytes images (N, C, H, W) take, f32, of a `wanted` height and the width they have."""
    n, c, _, w = images.shape
    return n * c * wanted * w * np.dtype(np.float32).itemsize


def sampled(images: Array, y: Array, x: Array, *, beyond: bool = False) -> Array:
    """Return (N, C, ...) f32: images (N, C, H, W), bilinear at places y, x (N, ...), rows and columns from 0 on.

    `beyond` the last row and column lie zeros, and before the first; otherwise these rows and columns go on.
    """
    n, _, h, w = images.shape
    image = np.arange(n).reshape(n, *(1,) * (y.ndim - 1))
    found: Array = np.zeros((*y.shape, images.shape[1]), np.float32)
    y, x = y.clip(-2, h + 1), x.clip(-2, w + 1)
    first = [np.floor(np.nan_to_num(at)) for at in (y, x)]
    shares = [at - begin for at, begin in zip((y, x), first, strict=True)]
    upper, left = (begin.astype(np.int64) for begin in first)
    for down, right in np.ndindex(2, 2):
        rows, columns = upper + down, left + right
        share = (shares[0] if down else 1 - shares[0]) * (shares[1] if right else 1 - shares[1])
        if beyond:
            share = np.where((rows >= 0) & (rows < h) & (columns >= 0) & (columns < w), share, 0)
        corner = images[image, :, rows.clip(0, h - 1), columns.clip(0, w - 1)]
        found += (share[..., None] * corner).astype(np.float32)
    return np.ascontiguousarray(np.moveaxis(found, -1, 1))


def sampled_within(images: Array, y: Array, x: Array, *, outside: float = 0) -> Array:
    """Return what `sampled` finds, and `outside` at places before the first row or column, or one past the last."""
    h, w = images.shape[2:]
    within = (y >= 0) & (x >= 0) & (y < h) & (x < w)
    found = sampled(images, np.where(within, y, 0), np.where(within, x, 0))
    return np.where(within[:, None], found, np.float32(outside))
