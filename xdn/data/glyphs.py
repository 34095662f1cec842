"""Glyphs-10 (synthetic): ten classes of drawn signs, made on the spot in whole numbers alone."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from xdn.data.dataset import DATASETS, DatasetKind
from xdn.data.strokes import OPAQUE_BITS, UNITS, Draws, coverage
from xdn.graph import Array

SIZE = 32
TRAIN_IMAGES, TEST_IMAGES = 50_000, 10_000
#: Images drawn at a time, so that the temporaries stay in the cache.
BATCH = 64

#: Least and greatest contrast of ink and ground, in grey levels.
_CONTRAST = (24, 110)
#: Least and greatest amplitude of the noise, in 1/256 of 255 grey levels.
_NOISE = (12, 72)
#: Clutter strokes under and over the glyph.
_CLUTTER_UNDER, _CLUTTER_OVER = 4, 2

_SEED = 0x474C5950
_STRETCH = 2048
_AFFINE_BITS = 8

#: Class name -> polylines of (x, y) in a square from -64 to 64, y downwards.
GLYPHS: dict[str, tuple[tuple[tuple[int, int], ...], ...]] = {
    "ring": (((60, 0), (42, 42), (0, 60), (-42, 42), (-60, 0), (-42, -42), (0, -60), (42, -42), (60, 0)),),
    "square": (((-50, -50), (50, -50), (50, 50), (-50, 50), (-50, -50)),),
    "triangle": (((0, -60), (58, 48), (-58, 48), (0, -60)),),
    "cross": (((0, -62), (0, 62)), ((-62, 0), (62, 0))),
    "star": (((0, -62), (0, 62)), ((-54, -31), (54, 31)), ((-54, 31), (54, -31))),
    "zigzag": (((-52, -46), (52, -46), (-52, 46), (52, 46)),),
    "arrow": (((0, 62), (0, -60)), ((-44, -14), (0, -60), (44, -14))),
    "fork": (((0, 62), (0, -60)), ((-46, -56), (-40, -14), (0, 8), (40, -14), (46, -56))),
    "hook": (((30, -62), (30, 20), (16, 48), (-10, 58), (-36, 44), (-44, 16)),),
    "spiral": (((2, 4), (-20, 2), (-18, -26), (14, -34), (40, -6), (30, 36), (-10, 52), (-48, 28), (-54, -20)),),
}
CLASSES = tuple(GLYPHS)


def _segment_table() -> Array:
    """Return the glyphs' segments, int32 (classes, S, 4), the last one repeated where a glyph has fewer."""
    rows = [[(*a, *b) for line in lines for a, b in pairwise(line)] for lines in GLYPHS.values()]
    longest = max(map(len, rows))
    return np.array([row + [row[-1]] * (longest - len(row)) for row in rows], np.int32)


_SEGMENTS = _segment_table()


def _warped(draws: Draws, points: Array) -> Array:
    """Return `points` (N, P, 2) under random affine maps (size, turn, shear, shift), in units, joints shaken."""
    size = draws.integers(22 * UNITS, 32 * UNITS, 1)  # what 128 grid steps become
    aspect, turn, shear = draws.integers(-44, 44, 1), draws.integers(-100, 100, 1), draws.integers(-50, 50, 1)
    one = 1 << _AFFINE_BITS
    xx, yy, xy, yx = one + aspect, one - aspect, shear - turn, shear + turn
    x, y = points[..., 0], points[..., 1]
    shift = draws.integers(-4 * UNITS, 4 * UNITS, 2) + SIZE * UNITS // 2

    def placed(kx: Array, ky: Array, origin: Array) -> Array:
        place: Array = ((kx * x + ky * y) * size >> (7 + _AFFINE_BITS)) + origin[:, None]
        return place

    return np.stack([placed(xx, xy, shift[:, 0]), placed(yx, yy, shift[:, 1])], axis=-1)


def _clutter(draws: Draws, count: int, longest: int) -> Array:
    """Return `count` random strokes an image, int32 (N, count, 4), up to `longest` units an axis."""
    start = draws.integers(0, SIZE * UNITS, 2 * count).reshape(-1, count, 2)
    step = draws.integers(-longest, longest, 2 * count).reshape(-1, count, 2)
    return np.concatenate([start, start + step], axis=-1)


def _paint(canvas: Array, cover: Array, colour: Array) -> None:
    """Blend `colour` (N, 3) over `canvas` (3, N, H, W) where `cover` (N, H, W; 0..256) says so."""
    change = colour.T[:, :, None, None] - canvas
    change *= cover
    change >>= OPAQUE_BITS
    canvas += change


def _ramp(draws: Draws, steepest: int) -> Array:
    """Return a random linear gradient, int32 (N, H, W), 0 at the centre and up to 31 * steepest at a corner."""
    slope = draws.integers(-steepest, steepest, 2)
    place = 2 * np.arange(SIZE, dtype=np.int32) - (SIZE - 1)
    by_column, by_row = slope[:, :1] * place, slope[:, 1:] * place
    ramp: Array = by_column[:, None, :] + by_row[:, :, None]
    return ramp


def _occluder(draws: Draws) -> Array:
    """Return the coverage (N, H, W; 0 or 256) of one rectangle an image."""
    extent, corner = draws.integers(4, 13, 2), draws.integers(-4, SIZE - 1, 2)
    inside = (np.arange(SIZE) >= corner[..., None]) & (np.arange(SIZE) < (corner + extent)[..., None])
    cover: Array = (inside[:, 1, :, None] & inside[:, 0, None, :]).astype(np.int32) << OPAQUE_BITS
    return cover


def _labels(draws: Draws) -> Array:
    """Return the images' classes, int32 (N,): the first that an image draws."""
    labels: Array = draws.integers(0, len(CLASSES) - 1, 1)[:, 0]
    return labels


def _draw(indices: Array) -> Array:
    """Return the images with these global numbers, u8 (N, H, W, 3)."""
    draws = Draws(_SEED, indices, _STRETCH)
    n = len(indices)
    segments = _SEGMENTS[_labels(draws)]
    strokes = _warped(draws, segments.reshape(n, -1, 2)).reshape(segments.shape)

    ground = draws.integers(50, 205, 3)
    contrast = draws.integers(*_CONTRAST, 1) * (1 - 2 * draws.integers(0, 1, 1))
    ink = ground + (contrast * draws.integers(16, 64, 3) >> 6)
    canvas: Array = ground.T[:, :, None, None] + (_ramp(draws, 16) >> 4)
    # Clutter has nearly the ink's colour, so that colour alone tells nothing apart.
    under = ink + draws.integers(-30, 30, 3)
    over = ground + draws.integers(-40, 40, 3)
    _paint(canvas, coverage(_clutter(draws, _CLUTTER_UNDER, 14 * UNITS), draws.integers(12, 40, 1)[:, 0], SIZE), under)
    _paint(canvas, coverage(strokes, draws.integers(22, 56, 1)[:, 0], SIZE), ink)
    _paint(canvas, coverage(_clutter(draws, _CLUTTER_OVER, 20 * UNITS), draws.integers(16, 40, 1)[:, 0], SIZE), over)
    _paint(canvas, _occluder(draws), draws.integers(30, 225, 3))

    light = 256 + _ramp(draws, 2)
    canvas *= light
    canvas >>= 8
    noise = draws.octets(2 * 3 * SIZE * SIZE).reshape(n, 2, 3, SIZE, SIZE).astype(np.int16).sum(1, dtype=np.int32) - 255
    noise *= draws.integers(*_NOISE, 1)[:, 0][:, None, None, None]
    canvas += (noise >> 8).transpose(1, 0, 2, 3)
    np.clip(canvas, 0, 255, out=canvas)
    return canvas.astype(np.uint8).transpose(1, 2, 3, 0)


@DATASETS.register("glyphs10")
class Glyphs10(DatasetKind):
    """Glyphs-10 (synthetic): 50,000 + 10,000 generated 32x32 images of ten signs; needs no file."""

    name = "glyphs10"
    title = "Glyphs-10 (synthetic)"
    classes = CLASSES
    channel_order = "rgb"
    shape = (SIZE, SIZE, 3)

    def __init__(self, split: str = "test"):
        self.split = split
        self.preprocessing = {"source": "generated"}
        self._first, count = {"train": (0, TRAIN_IMAGES), "test": (TRAIN_IMAGES, TEST_IMAGES)}[split]
        self.labels = _labels(Draws(_SEED, np.arange(self._first, self._first + count), _STRETCH))

    @classmethod
    def find(cls, folder: Path, split: str) -> "Glyphs10":
        """Return the split; `folder` does not matter."""
        return cls(split)

    @classmethod
    def is_in(cls, folder: Path, split: str) -> bool:
        """Return True: it is everywhere."""
        return True

    def _images(self, start: int, stop: int) -> Array:
        drawn = np.empty((stop - start, *self.shape), np.uint8)
        for first in range(start, stop, BATCH):
            last = min(first + BATCH, stop)
            drawn[first - start : last - start] = _draw(np.arange(self._first + first, self._first + last))
        return drawn
