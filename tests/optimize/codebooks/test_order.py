"""Orders of channels: their cost as NumPy's covariance gives it, and the least of all orders of few channels."""

from itertools import permutations

import numpy as np
import pytest

from xdn.optimize.codebooks import order as module
from xdn.optimize.codebooks.order import Reader, best_order


def weight(k=12, c=4, n=1, number=0):
    rng = np.random.default_rng(number)
    made = rng.standard_normal((k, c, n)) * rng.uniform(0.2, 3, (1, c, 1))
    # Channels 0 and 2 go together.
    made[:, 2] += 2 * made[:, 0]
    return made.astype(np.float32)


def cost(reader, order):
    """Return log det(cov) / d of a reader's blocks in an order of its free channels, from the blocks themselves."""
    channels = np.arange(reader.weight.shape[1])
    channels[reader.places] = reader.places[order]
    blocks = reader.weight[:, channels].reshape(-1, reader.together * reader.weight.shape[2]).astype(np.float64)
    covariance = np.atleast_2d(np.cov(blocks, rowvar=False, bias=True))
    return np.linalg.slogdet(covariance)[1] / len(covariance)


@pytest.mark.parametrize("n", [1, 3])
def test_the_search_finds_the_best_of_all_orders(n):
    readers = [Reader(weight(40, n=n), 2, np.arange(4)), Reader(weight(30, n=n, number=1), 4, np.arange(4))]
    found = best_order(readers, 200, 0)
    assert sorted(found) == [0, 1, 2, 3]
    costs = [sum(cost(reader, np.array(each)) for reader in readers) for each in permutations(range(4))]
    # The ridge of a millionth moves each cost a little.
    assert sum(cost(reader, found) for reader in readers) == pytest.approx(min(costs), abs=1e-4)


def test_costs_of_swaps_are_those_of_the_orders_after_them():
    reader = Reader(weight(50, 8, 2), 4, np.array([1, 2, 3, 5, 7]))
    (state,) = module._states([reader], np.arange(5))
    some, others = np.array([0, 1, 4, 2]), np.array([1, 3, 0, 4])
    found = state.after_swaps(some, others)
    for one, other, value in zip(some, others, found, strict=True):
        swapped = np.arange(5)
        swapped[[one, other]] = swapped[[other, one]]
        assert value == pytest.approx(cost(reader, swapped), abs=1e-4)


def test_channels_of_one_variance_get_one_place_in_their_blocks(monkeypatch):
    monkeypatch.setattr(module, "MOST_COLUMNS", 3)
    scales = np.array([1, 9, 2, 8, 3, 7], np.float32)
    reader = Reader(np.ones((4, 6, 1), np.float32) * scales[:, None], 2, np.arange(6))
    # Too large to be searched: sorted only. The three largest stand first in their blocks, the largest in the first.
    assert scales[best_order([reader], 100, 0)].tolist() == [9, 3, 8, 2, 7, 1]


def test_channels_that_are_zero_have_an_order_too():
    found = best_order([Reader(np.zeros((5, 4, 1), np.float32), 2, np.arange(4))], 10, 0)
    assert sorted(found) == [0, 1, 2, 3]
