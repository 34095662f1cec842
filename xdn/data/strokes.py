"""Pseudo-random whole numbers and strokes of them: the same bits on every machine and NumPy version."""

import numpy as np

from xdn.graph import Array

#: Units of length in one pixel: stroke coordinates are in 1/16 pixel.
UNITS = 16
#: Fractional bits of the unit vectors along strokes.
DIRECTION_BITS = 10
#: Coverage 256 is opaque.
OPAQUE_BITS = 8
#: Fractional bits of the slope from opaque to nothing at a stroke's edge.
EDGE_BITS = 12

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def splitmix64(seed: int, counters: Array) -> Array:
    """Return the numbers at `counters` (uint64, any shape; 0 is the first) of SplitMix64's sequence from `seed`.

    Source: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    z = (counters + np.uint64(1)) * _GOLDEN + np.uint64(seed)
    z ^= z >> np.uint64(30)
    z *= _MIX_1
    z ^= z >> np.uint64(27)
    z *= _MIX_2
    z ^= z >> np.uint64(31)
    return z


class Draws:
    """Successive random integers for many images, each image with a stretch of one sequence for itself.

    Parameters
    ----------
    seed : int
        Chooses the sequence.
    indices : (N,) array
        Global numbers of the images; what image i draws depends on `seed` and i alone.
    stretch : int
        Numbers that one image may draw.
    """

    def __init__(self, seed: int, indices: Array, stretch: int):
        self.seed, self.stretch = seed, stretch
        self._base = indices.astype(np.uint64) * np.uint64(stretch)
        self._drawn = 0

    def raw(self, count: int) -> Array:
        """Return the next `count` numbers of every image, uint64 (N, count)."""
        if self._drawn + count > self.stretch:
            raise ValueError(f"an image may draw {self.stretch} numbers, not {self._drawn + count}")
        offsets = np.arange(self._drawn, self._drawn + count, dtype=np.uint64)
        self._drawn += count
        return splitmix64(self.seed, self._base[:, None] + offsets)

    def integers(self, low: int, high: int, count: int) -> Array:
        """Return integers from `low` to `high`, both included, int32 (N, count)."""
        span = np.uint64(high - low + 1)
        return ((self.raw(count) >> np.uint64(32)) * span >> np.uint64(32)).astype(np.int32) + np.int32(low)

    def octets(self, count: int) -> Array:
        """Return bytes, uint8 (N, count); `count` is a multiple of 8."""
        return self.raw(count // 8).astype("<u8").view(np.uint8)


def integer_sqrt(values: Array) -> Array:
    """Return the floor of the square root of int32 `values`.

    f64 holds them exactly, and IEEE 754 rounds its square root in one way alone: to a whole number where that is one.
    """
    return np.asarray(np.sqrt(values, dtype=np.float64), np.int32)


def _dot(dx: Array, dy: Array, kx: Array, ky: Array, out: Array) -> None:
    """Put kx * dx + ky * dy, (N, H, W), into `out`; dx (N, W), dy (N, H), directions kx and ky (N,)."""
    by_column, by_row = dx * kx[:, None] >> DIRECTION_BITS, dy * ky[:, None] >> DIRECTION_BITS
    np.add(by_column[:, None, :], by_row[:, :, None], out=out)


def squared_distance(segments: Array, size: int, limit: Array) -> Array:
    """Return each pixel's squared distance to the nearest segment, int32 (N, size, size), in units squared.

    With u the unit vector along the segment a-b, a pixel p lies at t = (p - a) . u along it and at
    n = (p - a) x u beside it; its squared distance is n^2 + max(0, -t, t - |b - a|)^2. Both t and n are a
    sum of a term per row and a term per column.

    Parameters
    ----------
    segments : (N, S, 4) int32
        x0, y0, x1, y1 in units; at most 1024 pixels long.
    size : int
        Side of the images in pixels; pixel centres lie at half units.
    limit : (N,) int32
        Distances beyond are cut to this value.
    """
    centres = np.arange(size, dtype=np.int32) * UNITS + UNITS // 2
    nearest = np.broadcast_to(limit[:, None, None], (len(segments), size, size)).copy()
    along, beside = np.empty_like(nearest), np.empty_like(nearest)
    for x0, y0, x1, y1 in segments.transpose(1, 2, 0):
        length = integer_sqrt((x1 - x0) ** 2 + (y1 - y0) ** 2)
        # A point has no direction; any will do, but none would be near to everything.
        across = np.where(length == 0, 1, x1 - x0)
        length = np.maximum(length, 1)
        ux = (across << DIRECTION_BITS) // length
        uy = ((y1 - y0) << DIRECTION_BITS) // length
        dx, dy = centres - x0[:, None], centres - y0[:, None]
        _dot(dx, dy, ux, uy, along)
        _dot(dx, dy, -uy, ux, beside)
        half = (length >> 1)[:, None, None]
        # max(-t, t - length) is |t - length / 2| - length / 2.
        along -= half
        np.abs(along, out=along)
        along -= half
        np.maximum(along, 0, out=along)
        along *= along
        beside *= beside
        along += beside
        np.minimum(nearest, along, out=nearest)
    return nearest


def coverage(segments: Array, width: Array, size: int) -> Array:
    """Return how far round-capped strokes cover each pixel, int32 (N, size, size), 0..256.

    Parameters
    ----------
    segments : (N, S, 4) int32
        As in `squared_distance`.
    width : (N,) int32
        Width of the strokes in units; the edge fades over one pixel, linearly in the squared distance.
    size : int
        Side of the images in pixels.
    """
    outer = (width + UNITS) // 2
    inner = np.maximum((width - UNITS) // 2, 0)
    limit = outer * outer
    slope = (1 << OPAQUE_BITS + EDGE_BITS) // (limit - inner * inner)
    cover: Array = limit[:, None, None] - squared_distance(segments, size, limit)
    cover *= slope[:, None, None]
    cover >>= EDGE_BITS
    np.minimum(cover, 1 << OPAQUE_BITS, out=cover)
    return cover
