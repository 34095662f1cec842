"""An order of channels in which the blocks of the layers that read them are the easiest to tell apart by few centroids.

Which channels lie together in a block is free: a net computes the same in any order of them. The error of the best
codebook grows with the determinant of the covariance of the blocks (of Gaussian ones, by rate-distortion theory), so
that an order is sought for which it is small. The source is Martinez et al., "Permute, Quantize, and Fine-tune" (2021):
channels begin sorted by variance, dealt out so that those of like variance have the same place in their blocks; swaps
of two channels follow as long as some help. Of several layers that read the same channels the sum counts of ::

    log det(cov) / block length

which is, but for a constant, the logarithm of the error of each.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from xdn.graph import Array

#: Pairs of channels of which each step swaps the best; so many steps in vain end the search.
_PAIRS, _PATIENCE = 64, 20
#: Weights of so many numbers have products of all pairs of their columns in memory (f32); others are only sorted.
MOST_COLUMNS = 8192
#: A covariance gets so much of its mean variance on its diagonal: channels may be zero, or alike.
_RIDGE = 1e-6


@dataclass(frozen=True, eq=False)
class Reader:
    """A weight whose blocks hold the numbers of several channels.

    Parameters
    ----------
    weight : (K, C, n) f32
        The n numbers by which filter k multiplies channel c, channels in their first order.
    together : int
        Channels of a block; it divides C.
    places : (U,) int
        Where, among the C, the channels stand whose order is free.
    """

    weight: Array
    together: int
    places: Array

    @property
    def searchable(self) -> bool:
        """Whether there is memory for a search."""
        return bool(self.weight.shape[1] * self.weight.shape[2] <= MOST_COLUMNS)

    @property
    def blocks(self) -> int:
        """How many blocks the weight has."""
        return int(self.weight.shape[0] * self.weight.shape[1] // self.together)

    @property
    def variances(self) -> Array:
        """(U,) f64, the mean square of the numbers of each channel, of all of them 1."""
        squares = np.square(self.weight, dtype=np.float64).mean(axis=(0, 2))
        found: Array = squares[self.places] / (squares.mean() or 1.0)
        return found

    @cached_property
    def products(self) -> Array:
        """(C, C, n, n), the sums over filters of the products of two channels' numbers."""
        k, c, n = self.weight.shape
        columns = self.weight.reshape(k, c * n)
        return np.ascontiguousarray((columns.T @ columns).reshape(c, n, c, n).transpose(0, 2, 1, 3))

    @cached_property
    def sums(self) -> Array:
        """(C, n) f64, the sums over filters."""
        found: Array = self.weight.sum(axis=0, dtype=np.float64)
        return found


@dataclass(frozen=True, eq=False)
class _State:
    """A reader's blocks in some order of the channels.

    Parameters
    ----------
    reader : Reader
    order : (C,) int
        Which channel stands at each place.
    second : (d, d) f64
        The sum over all blocks of the products of the numbers at two places of the block.
    first : (d,) f64
        The sum of the numbers at each place.
    """

    reader: Reader
    order: Array
    second: Array = field(init=False)
    first: Array = field(init=False)

    def __post_init__(self) -> None:
        second, first = self._of(self.order.reshape(-1, self.reader.together))
        object.__setattr__(self, "second", second.sum(axis=0))
        object.__setattr__(self, "first", first.sum(axis=0))

    def _of(self, channels: Array) -> tuple[Array, Array]:
        """Return the sums (..., d, d) and (..., d) over filters of blocks of these channels (..., together)."""
        n = self.reader.weight.shape[2]
        length = channels.shape[-1] * n
        pairs = self.reader.products[channels[..., :, None], channels[..., None, :]]  # (..., m, m, n, n)
        turned = np.moveaxis(pairs, -3, -2).astype(np.float64)
        shape = channels.shape[:-1]
        return turned.reshape(*shape, length, length), self.reader.sums[channels].reshape(*shape, length)

    def cost(self) -> float:
        """Return log det(cov) / d."""
        return float(self._cost(self.second, self.first))

    def after_swaps(self, some: Array, others: Array) -> Array:
        """Return the cost (P,) after the swap of each of some free channels (P,) with another."""
        m = self.reader.together
        pairs = self.reader.places[np.stack([some, others], -1)]  # (P, 2) places
        starts = pairs // m * m
        places = starts[..., None] + np.arange(m)  # (P, 2, m), the places of both blocks
        swapped = np.where(places == pairs[:, :1, None], pairs[:, 1:, None], places)
        swapped = np.where(places == pairs[:, 1:, None], pairs[:, :1, None], swapped)
        # Two channels of one block: it counts once.
        counts = np.stack([np.ones(len(pairs)), starts[:, 0] != starts[:, 1]], -1)
        now, then = self._of(self.order[places]), self._of(self.order[swapped])
        second = ((then[0] - now[0]) * counts[..., None, None]).sum(axis=1)
        first = ((then[1] - now[1]) * counts[..., None]).sum(axis=1)
        return self._cost(self.second + second, self.first + first)

    def _cost(self, second: Array, first: Array) -> Array:
        """Return log det(cov) / d of sums (..., d, d) and (..., d)."""
        blocks, length = self.reader.blocks, first.shape[-1]
        mean = first / blocks
        covariance = second / blocks - mean[..., :, None] * mean[..., None, :]
        trace = np.trace(covariance, axis1=-2, axis2=-1)[..., None, None]
        ridge = np.maximum(_RIDGE * trace / length, np.finfo(np.float64).tiny)
        found: Array = np.linalg.slogdet(covariance + ridge * np.eye(length))[1] / length
        return found


def best_order(readers: Sequence[Reader], swaps: int, seed: int) -> Array:
    """Return which of the free channels comes to each of their places, (U,): that found with the least cost.

    Parameters
    ----------
    readers : sequence of Reader
        At least one; all have the same free channels in the same order.
    swaps : int
        Steps of the search at most.
    seed : int
    """
    searched = [reader for reader in readers if reader.searchable]
    if not searched:
        return _sorted(readers)
    first = np.arange(len(readers[0].places))
    order = min(first, _sorted(readers), key=lambda order: sum(state.cost() for state in _states(searched, order)))
    rng, vain = np.random.default_rng(seed), 0
    states = _states(searched, order)
    cost = sum(state.cost() for state in states)
    for _ in range(swaps if len(order) > 1 else 0):
        some = rng.integers(len(order), size=_PAIRS)
        others = (some + rng.integers(1, len(order), size=_PAIRS)) % len(order)
        costs = np.sum([state.after_swaps(some, others) for state in states], axis=0)
        best = int(np.argmin(costs))
        vain = 0 if costs[best] < cost else vain + 1
        if vain > _PATIENCE:
            break
        if costs[best] < cost:
            order = order.copy()
            order[[some[best], others[best]]] = order[[others[best], some[best]]]
            states = [_swapped(state, some[best], others[best]) for state in states]
            cost = costs[best]
    return order


def _sorted(readers: Sequence[Reader]) -> Array:
    """Return the order by variance: the largest at the first place of blocks, each place with those that follow."""
    lead = max(readers, key=lambda reader: reader.together)
    variances = np.sum([reader.variances for reader in readers], axis=0)
    order = np.empty(len(lead.places), int)
    # Places of blocks from the first to the last, blocks in their order within.
    order[np.argsort(lead.places % lead.together, kind="stable")] = np.argsort(-variances, kind="stable")
    return order


def _states(readers: Sequence[Reader], order: Array) -> list[_State]:
    """Return the readers' blocks where the free channels stand in this order."""
    made = []
    for reader in readers:
        channels = np.arange(reader.weight.shape[1])
        channels[reader.places] = reader.places[order]
        made.append(_State(reader, channels))
    return made


def _swapped(state: _State, some: int, other: int) -> _State:
    """Return the blocks after the swap of two free channels."""
    places = state.reader.places[[some, other]]
    order = state.order.copy()
    order[places] = order[places[::-1]]
    return replace(state, order=order)
