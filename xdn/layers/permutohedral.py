"""The permutohedral lattice: a Gaussian filter over points in a space of few dimensions, such as place and colour.

Values are laid onto the corners of the simplices that the points lie in, blurred along the lattice's axes, and read
again where they came from (Adams et al. 2010). The source is permutohedral.cpp of Krähenbühl's dense CRF, which is that
of CRF-RNN.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array
from xdn.layers.window import by_axis

#: The coordinates of a corner are packed into so many bits.
_KEY_BITS = 62
#: What the colours of images lie within; how many numbers a point of place and colour has.
_COLOURS, _BILATERAL = 255, 5


@dataclass(frozen=True, eq=False)
class Lattice:
    """Where points lie among the corners of a lattice of D dimensions.

    Parameters
    ----------
    corners : (D + 1, P) int
        The corners of each point's simplex.
    shares : (D + 1, P) f32
        How much of the point belongs to each.
    neighbours : (D + 1, 2, M) int
        The corners before and after each along each axis; M where there is none.
    """

    corners: Array
    shares: Array
    neighbours: Array

    @classmethod
    def of(cls, points: Array) -> "Lattice":
        """Return the lattice of `points` (P, D) f32, in units of the filter's standard deviation.

        Raises
        ------
        ShapeError
            Where points are not finite, or so far apart that corners cannot be told from each other.
        """
        if not np.isfinite(points).all():
            raise ShapeError("values that are not finite have no place in a lattice")
        count = points.shape[1] + 1
        elevated = _elevated(points)
        base, rank = _simplices(elevated)
        # Corner r of a simplex: r more along all axes, but for the last r in rank, where D + 1 are taken off.
        corner = np.arange(count)[:, None, None]
        keys = base[None, :-1].astype(np.int64) + corner - count * (rank[None, :-1] >= count - corner)
        numbers, neighbours = _numbered(keys)
        return cls(numbers, _barycentric(elevated - base, rank), neighbours)

    def filtered(self, values: Array) -> Array:
        """Return `values` (C, P) f32 filtered, (C, P) f32; sums in f64."""
        count = self.neighbours.shape[-1]
        return np.stack([self._read(self._blurred(self._laid(row, count))) for row in values])

    def _laid(self, row: Array, count: int) -> Array:
        """Return what the corners get of a row of values, and a zero after the last."""
        return np.bincount(self.corners.ravel(), (self.shares * row).ravel(), count + 1)

    def _blurred(self, sums: Array) -> Array:
        """Return the corners' values blurred along each axis by 1/2, 1, 1/2."""
        for before, after in self.neighbours:
            sums[:-1] += 0.5 * (sums[before] + sums[after])
        return sums

    def _read(self, sums: Array) -> Array:
        """Return what the points find."""
        scale = 1 / (1 + 2.0 ** (1 - len(self.corners)))
        found: Array = scale * (self.shares * sums[self.corners]).sum(axis=0)
        return found.astype(np.float32)


def smoother(points: Array) -> Callable[[Array], Array]:
    """Return what gives values (C, P) f32 filtered over `points` (P, D), divided by what a value of 1 would give."""
    lattice = Lattice.of(points)
    norm = 1 / (lattice.filtered(np.ones((1, len(points)), np.float32)) + np.float32(1e-20))
    return lambda values: lattice.filtered(values) * norm


def points_of(sizes: tuple[int, int], width: float, image: Array | None = None, colour_width: float = 1.0) -> Array:
    """Return (H * W, D) f32: the places of an image of `sizes`, column and row, and its colours, each in its width.

    Parameters
    ----------
    sizes : (H, W)
    width : float
        The standard deviation of places, in places.
    image : (3, H, W), optional
        Without it there are places only.
    colour_width : float
        The standard deviation of colours.
    """
    places = np.indices(sizes).reshape(2, -1)[::-1].astype(np.float32) / np.float32(width)
    if image is None:
        return places.T
    colours = image.reshape(len(image), -1) / np.float32(colour_width)
    return np.concatenate([places, colours]).astype(np.float32).T


def _elevated(points: Array) -> Array:
    """Return (D + 1, P) f32: points in the plane of coordinates whose sum is 0, scaled for a blur of length 1."""
    scaled = (points * _scales(points.shape[1])).T.astype(np.float32)
    # Coordinate j is -j times the axis before it, and the sum of all axes from it on.
    after = np.cumsum(scaled[::-1], axis=0, dtype=np.float32)[::-1]
    zero = np.zeros((1, scaled.shape[1]), np.float32)
    axes = np.arange(1, len(scaled) + 1, dtype=np.float32)
    own = np.concatenate([zero, scaled * axes[:, None]])
    plane: Array = np.concatenate([after, zero]) - own
    return plane


def _scales(dimensions: int) -> Array:
    """Return what each of the axes is multiplied with before points are laid into the plane."""
    axes = np.arange(dimensions, dtype=np.float32)
    scales: Array = np.sqrt(np.float32(2 / 3)) * (dimensions + 1) / np.sqrt((axes + 2) * (axes + 1))
    return scales


def _simplices(elevated: Array) -> tuple[Array, Array]:
    """Return for each point the nearest corner whose coordinates are multiples of D + 1, and the ranks of the rest."""
    count = len(elevated)
    below, above = (rounded(elevated / count) * count for rounded in (np.floor, np.ceil))
    base = np.where(above - elevated < elevated - below, above, below)
    rest = elevated - base
    rank = np.zeros(elevated.shape, np.int64)
    for i, j in combinations(range(count), 2):
        smaller = rest[i] < rest[j]
        rank[i] += smaller
        rank[j] += ~smaller
    # Where the corner is off the plane, as many coordinates move as it takes, those that are rounded most.
    rank += (base.sum(axis=0) / count).astype(np.int64)
    for beyond, move in ((rank < 0, count), (rank >= count, -count)):
        base, rank = base + beyond * move, rank + beyond * move
    return base, rank


def _barycentric(rest: Array, rank: Array) -> Array:
    """Return (D + 1, P) f32: how much of each point belongs to each corner of its simplex; the sums are 1."""
    count = len(rest)
    ordered = np.take_along_axis(rest, np.argsort(rank, axis=0), axis=0) / np.float32(count)
    shares = np.empty(rest.shape, np.float32)
    shares[1:] = (ordered[:-1] - ordered[1:])[::-1]
    shares[0] = 1 + ordered[-1] - ordered[0]
    return shares


def check_widths(sizes: Sequence[int], width: float, colour_width: float | None = None) -> None:
    """Raise ShapeError where the points of images of `sizes`, of such widths, may need too large a lattice.

    The widths are those of `points_of`; without one of colours there are places only.
    """
    spans = [(size - 1) / width for size in sizes]
    if colour_width is not None:
        spans += [_COLOURS / colour_width] * (_BILATERAL - len(sizes))
    count = len(spans) + 1
    with np.errstate(over="ignore"):
        lengths = np.append(0, spans * _scales(count - 1))
        after = lengths.sum() - np.cumsum(lengths)
        extents = after + np.arange(count) * lengths + 4 * count
        if not np.prod(extents[:-1]) < 1 << _KEY_BITS:
            raise ShapeError("the standard deviations are too small for the lattice that filters by them")


def lattice_bytes(sizes: Sequence[int]) -> int:
    """Return how much a lattice over an image of `sizes` may take: keys, their order, and what the corners hold."""
    corners = prod(sizes) * (_BILATERAL + 1)
    return corners * (3 * _BILATERAL + 16) * np.dtype(np.int64).itemsize


def _numbered(keys: Array) -> tuple[Array, Array]:
    """Return a number for each corner, and the numbers of its neighbours.

    Parameters
    ----------
    keys : (D + 1, D, P) int
        Corners, their coordinates but the last one, which follows from the others; points.
    """
    count = len(keys)
    low = keys.min(axis=(0, 2)) - count
    extents = [int(extent) for extent in keys.max(axis=(0, 2)) + count + 1 - low]
    if prod(extents) >> _KEY_BITS:
        raise ShapeError(f"a lattice of {by_axis(extents)} places is too large; give greater standard deviations")
    steps = np.array([prod(extents[:axis]) for axis in range(len(extents))], np.int64)
    codes = np.tensordot(keys - low[:, None], steps, axes=(1, 0))
    known, numbers = np.unique(codes, return_inverse=True)
    # A neighbour along an axis is 1 less along all others, and D more along that one; or the other way round.
    moves = count * np.append(steps, 0) - steps.sum()
    neighbours = [[_found(known, known + sign * move) for sign in (1, -1)] for move in moves]
    return numbers.reshape(codes.shape), np.array(neighbours)


def _found(known: Array, wanted: Array) -> Array:
    """Return where each of `wanted` stands among the `known`, their number where it does not."""
    at = np.searchsorted(known, wanted)
    return np.where(known[np.minimum(at, len(known) - 1)] == wanted, at, len(known))
