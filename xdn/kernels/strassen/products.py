"""Strassen's algorithm in Winograd's form: a product of matrices of halves by 7 products instead of 8.

A pointwise convolution is a product of matrices: positions x channels times channels x filters. With positions,
channels and filters halved (Winograd, "On multiplication of 2x2 matrices", 1971; Knuth, The Art of Computer
Programming, 4.6.4)::

    S1 = A21 + A22      T1 = B12 - B11      U = A11 B11             C11 = U + A12 B21
    S2 = S1 - A11       T2 = B22 - T1       V = U + S2 T2           C12 = V + S1 T1 + S4 B22
    S3 = A11 - A21      T3 = B22 - B12      W = V + S3 T3           C21 = W + A22 T4
    S4 = A12 - S2       T4 = B21 - T2                               C22 = W + S1 T1

Weights are kept as the T and B of the products. Of the channels that are more than two halves, the rest R, products
follow on the same chains: the rows of A12, A22, S1 and S4 go on with R1, R2, R2 and R1 - R2.
"""

from typing import Protocol, TypeVar

import numpy as np

from xdn.element import REAL, Element, real
from xdn.graph import Array
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.packing import packed_once

#: The left factors of the products, in the order in which they are multiplied, and weights are packed.
FACTORS = A11, A12, S2, S3, A22, S1, S4 = range(7)
#: Those whose rows go on with the rest of the channels.
LONG = frozenset((A12, A22, S1, S4))
#: The quarters of the results: of the first and second half of the positions, and of the filters.
C11, C12, C21, C22 = range(4)

Sums = TypeVar("Sums")


class Tile(Protocol[Sums]):
    """Some results of each quarter, and what computes them."""

    def zeros(self) -> Sums:
        """Return sums of nothing."""

    def multiplied(self, sums: Sums, factor: int) -> Sums:
        """Return what sums become when the products of a left factor are added, channel by channel."""

    def added(self, sums: Sums, others: Sums) -> Sums:
        """Return the sums of two."""

    def keep(self, place: int, sums: Sums) -> None:
        """Keep sums at the place 0 or 1."""

    def kept(self, place: int) -> Sums:
        """Return what is kept at a place."""

    def finish(self, quarter: int, sums: Sums) -> None:
        """Make results of the sums: bias, epilogue, store."""


def first_part(tile: Tile[Sums]) -> None:
    """Compute C11, and keep U."""
    u = tile.multiplied(tile.zeros(), A11)
    tile.keep(0, u)
    tile.finish(C11, tile.multiplied(u, A12))


def second_part(tile: Tile[Sums]) -> None:
    """Compute C21, and keep V and W."""
    v = tile.multiplied(tile.kept(0), S2)
    tile.keep(0, v)
    w = tile.multiplied(v, S3)
    tile.keep(1, w)
    tile.finish(C21, tile.multiplied(w, A22))


def third_part(tile: Tile[Sums]) -> None:
    """Compute C22 and C12."""
    p = tile.multiplied(tile.zeros(), S1)
    tile.finish(C22, tile.added(tile.kept(1), p))
    tile.finish(C12, tile.multiplied(tile.added(tile.kept(0), p), S4))


#: In order; each reads the weights of two or three products, which a core's cache keeps for many tiles.
PARTS = first_part, second_part, third_part


def channels_before(factor: int) -> tuple[int, int]:
    """Return how many halves of channels, and how many rests, the factors before one have."""
    return factor, sum(each in LONG for each in range(factor))


def depth(half: int, rest: int) -> int:
    """Return how many weights a filter of a half has in all products."""
    halves, rests = channels_before(len(FACTORS))
    return halves * half + rests * rest


def right_factors(weight: Array, half: int, filters: int) -> Array:
    """Return (depth, `filters`) f32: what the left factors are multiplied with, below each other; made in f64.

    Parameters
    ----------
    weight : (K, C)
        Of which the first 2 * `filters` filters are taken.
    half, filters : int
        Half of the channels and of the filters; C - 2 * `half` channels are the rest.
    """
    b = weight.T.astype(np.float64)
    b11, b21, rest1 = np.split(b[:, :filters], [half, 2 * half])
    b12, b22, rest2 = np.split(b[:, filters : 2 * filters], [half, 2 * half])
    t1 = b12 - b11
    t2 = b22 - t1
    made = {
        A11: [b11],
        A12: [b21, rest1],
        S2: [t2],
        S3: [b22 - b12],
        A22: [b21 - t2, rest1],
        S1: [t1, rest2],
        S4: [b22, rest2],
    }
    below: Array = np.concatenate([part for factor in FACTORS for part in made[factor]]).astype(real)
    return below


@packed_once
def pack_products(weight: Array, half: int, sizes: list[int], stored: Element = REAL) -> Array:
    """Return (tiles or panels, depth, filters of each), flat: what the left factors are multiplied with.

    Parameters
    ----------
    weight : (K, C, 1, ...)
    half : int
        Channels of a half.
    sizes : list of int
        Filters of each register tile or panel; together those of a half.
    stored : Element
        What weights are rounded to before they are summed.
    """
    made = right_factors(stored.rounded(weight.reshape(weight.shape[:2])), half, sum(sizes))
    parts = np.split(made, np.cumsum(sizes)[:-1], axis=1)
    return aligned_vectors(np.concatenate([part.ravel() for part in parts]))
