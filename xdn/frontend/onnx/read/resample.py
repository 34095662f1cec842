"""Where the positions of an axis that is brought to another extent lie, and what each is made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array

#: The most weights of an axis: it may be brought from 2048 positions to as many.
_MOST_WEIGHTS = 1 << 22
#: The most positions that a filter reaches to either side.
_MOST_REACHED = 1 << 13
#: By `nearest_mode`: which position is the nearest of a place.
_NEAREST: Mapping[str, Callable[[Array], Array]] = {
    "floor": np.floor,
    "ceil": np.ceil,
    "round_prefer_floor": lambda at: np.ceil(at - np.float32(0.5)),
    "round_prefer_ceil": lambda at: np.floor(at + np.float32(0.5)),
}


@dataclass(frozen=True)
class Axis:
    """An axis that is brought to another extent.

    Parameters
    ----------
    size, wanted : int
        Its extent before and after.
    factor : float
        By what it grows, of which `wanted` may be the part before the point.
    region : (float, float)
        Where the part that is looked at begins and ends, 1 being the last position (`tf_crop_and_resize`).
    """

    size: int
    wanted: int
    factor: float
    region: tuple[float, float] = (0.0, 1.0)

    @property
    def is_changed(self) -> bool:
        """Whether anything happens to it."""
        return self != Axis(self.size, self.size, 1.0)

    @property
    def is_exact(self) -> bool:
        """Whether its extent is the one that the factor makes, with nothing behind the point."""
        return self._length == self.wanted

    @property
    def _length(self) -> float:
        """The extent that the factor makes; the whole number that it means where it is that nearly."""
        length = self.size * self.factor
        return self.wanted if abs(length - self.wanted) < 1e-3 else length

    def at(self, how: str) -> Array:
        """Return (P,) f32, at which place before each position lies, by a `coordinate_transformation_mode`.

        The source is ONNX's text of Resize; where it says the extent after, that is the one which the factor makes,
        as in ONNX's own cases.
        """
        after, last = np.arange(self.wanted, dtype=np.float32), np.float32(self.size - 1)
        factor, steps = np.float32(self.factor), np.float32(self._length - 1)
        half = np.float32(0.5)
        if how == "align_corners":
            return after * last / steps if steps else 0 * after
        if how == "asymmetric":
            return after / factor
        if how == "tf_crop_and_resize":
            begin, end = map(np.float32, self.region)
            inside = after * (end - begin) * last / steps if steps else (end - begin) * last * half + 0 * after
            return begin * last + inside
        if how == "pytorch_half_pixel" and not steps:
            return 0 * after
        centred = (after + half) / factor - half
        if how == "half_pixel_symmetric":
            return centred + np.float32(self.size / 2 * (1 - self.wanted / self._length))
        if how in ("half_pixel", "pytorch_half_pixel"):
            return centred
        raise UnsupportedError(f"its positions are {how}")

    def outside(self, how: str) -> Array:
        """Return (P,) bool, which positions are filled with a value, since they lie outside of the axis."""
        at = self.at(how)
        return (at < 0) | (at > self.size - 1) if how == "tf_crop_and_resize" else np.zeros(self.wanted, bool)

    def nearest(self, how: str, rounding: str) -> Array:
        """Return (P,) int, which position before each is a copy of, by a `nearest_mode`."""
        if rounding not in _NEAREST:
            raise UnsupportedError(f"its nearest_mode is {rounding}")
        found: Array = _NEAREST[rounding](self.at(how)).clip(0, self.size - 1).astype(np.int64)
        return found


@dataclass(frozen=True)
class Filter:
    """How much of the positions around a place makes its value.

    Parameters
    ----------
    cubic : float, optional
        The a of Keys' cubic convolution, which reaches two positions far; None for linear, which reaches one.
    antialias : bool
        Whether the filter is wider where there are fewer positions after than before.
    exclude_outside : bool
        Whether positions outside of the axis count nothing; else the first and the last one stand there.
    """

    cubic: float | None = None
    antialias: bool = False
    exclude_outside: bool = False

    def _values(self, distance: Array) -> Array:
        """Return the filter at distances in positions."""
        x, a = np.abs(distance), self.cubic
        if a is None:
            return np.asarray(np.maximum(1 - x, 0))
        near, far = ((a + 2) * x - (a + 3)) * x * x + 1, ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        return np.where(x <= 1, near, np.where(x < 2, far, 0))

    def weights(self, axis: Axis, how: str) -> Array:
        """Return (P, size) f32, how much of each position before is in each after; ShapeError where they are many."""
        if axis.size * axis.wanted > _MOST_WEIGHTS:
            raise ShapeError(f"{axis.size} positions cannot be brought to {axis.wanted}: the weights are too large")
        scale = min(axis.factor, 1.0) if self.antialias else 1.0
        reach = int(min(np.ceil((1 if self.cubic is None else 2) / scale), _MOST_REACHED + 1))
        if reach > _MOST_REACHED:
            raise ShapeError(f"{axis.size} positions cannot be brought to {axis.wanted}: each would be of too many")
        at = axis.at(how).astype(np.float64).clip(-reach, axis.size + reach)
        found, rows = np.zeros((axis.wanted, axis.size)), np.arange(axis.wanted)
        for offset in range(-reach, reach + 2):
            place = np.floor(at).astype(np.int64) + offset
            share = self._values((place - at) * scale)
            if self.exclude_outside:
                share = np.where((place >= 0) & (place < axis.size), share, 0)
            found[rows, place.clip(0, axis.size - 1)] += share
        total = found.sum(axis=1, keepdims=True)
        found /= np.where(total == 0, 1, total)
        found[axis.outside(how)] = 0
        return found.astype(np.float32)
