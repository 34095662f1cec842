"""Spaces that are searched: axes, their values, and which combinations are legal."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

#: A value for each axis, in the order of the axes.
Point = tuple[Any, ...]

#: How often a random point is drawn until it is legal; a space in which that is not enough is searched in order.
_DRAWS = 1000


@dataclass(frozen=True)
class Axis:
    """One thing that is chosen.

    Parameters
    ----------
    name : str
    values : tuple
        Hashable, all different.
    about : str
        A few words for people.
    """

    name: str
    values: tuple[Any, ...]
    about: str = ""


@dataclass(frozen=True)
class Space:
    """All legal combinations of the values of some axes.

    Parameters
    ----------
    axes : tuple of Axis
    legal : callable
        Axis' name -> value, of the first axes or of all, to whether a legal point begins so.
    """

    axes: tuple[Axis, ...]
    legal: Callable[[Mapping[str, Any]], bool] = lambda values: True

    def values(self, point: Point) -> dict[str, Any]:
        """Return axis' name -> value."""
        return dict(zip((axis.name for axis in self.axes), point, strict=True))

    def point(self, values: Mapping[str, Any]) -> Point:
        """Return the point with these values, one for each axis."""
        return tuple(values[axis.name] for axis in self.axes)

    def __contains__(self, point: object) -> bool:
        if not isinstance(point, tuple) or len(point) != len(self.axes):
            return False
        known = all(value in axis.values for value, axis in zip(point, self.axes, strict=True))
        return known and self.legal(self.values(point))

    def __iter__(self) -> Iterator[Point]:
        """Yield all points in order; those that begin illegally are never made."""

        def begun(chosen: dict[str, Any]) -> Iterator[Point]:
            """Yield the points that begin with the values that are chosen."""
            if len(chosen) == len(self.axes):
                yield tuple(chosen.values())
                return
            axis = self.axes[len(chosen)]
            for value in axis.values:
                further = chosen | {axis.name: value}
                if self.legal(further):
                    yield from begun(further)

        return begun({})

    @property
    def combinations(self) -> int:
        """Combinations of values, legal or not: a bound of the size that costs nothing."""
        return prod(len(axis.values) for axis in self.axes)

    @cached_property
    def size(self) -> int:
        """Number of legal points. Every one is looked at: ask where they are not too many."""
        return sum(1 for _ in self)

    def random(self, rng: np.random.Generator) -> Point:
        """Return a legal point, all alike in probability."""
        for _ in range(_DRAWS):
            point = tuple(axis.values[rng.integers(len(axis.values))] for axis in self.axes)
            if self.legal(self.values(point)):
                return point
        points = list(self)
        return points[rng.integers(len(points))]

    def neighbours(self, point: Point) -> Iterator[Point]:
        """Yield all legal points that differ from one in one axis."""
        for place, axis in enumerate(self.axes):
            for value in axis.values:
                other = (*point[:place], value, *point[place + 1 :])
                if value != point[place] and other in self:
                    yield other

    def repaired(self, point: Point, rng: np.random.Generator) -> Point:
        """Return a legal point near `point`: values are drawn again, axis by axis, where what has begun is illegal."""
        chosen: dict[str, Any] = {}
        for axis, value in zip(self.axes, point, strict=True):
            fitting = [v for v in axis.values if self.legal(chosen | {axis.name: v})]
            if not fitting:
                return self.random(rng)
            chosen[axis.name] = value if value in fitting else fitting[rng.integers(len(fitting))]
        return tuple(chosen.values())
