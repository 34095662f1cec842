"""Which waiting requests run next."""

import math

import pytest

from xdn.serve.batching import Shares, joined


def linear(first_s, each_s):
    """Return times of runs: so much for a run, and for each image."""
    return lambda images: first_s + each_s * images


@pytest.mark.parametrize(
    ("images", "seconds", "most", "limit_s", "count"),
    [
        ([1], linear(1, 1), 64, math.inf, 1),
        # What a run takes by itself is shared by all.
        ([1] * 5, linear(1, 1), 64, math.inf, 5),
        ([1] * 5, linear(1, 1), 3, math.inf, 3),
        ([1] * 5, linear(1, 1), 64, 4.5, 3),
        # Nothing is gained by more at a time.
        ([1] * 5, linear(0, 1), 64, math.inf, 1),
        # A block of four takes as long as one image.
        ([1] * 7, lambda images: math.ceil(images / 4), 64, math.inf, 4),
        ([1] * 8, lambda images: math.ceil(images / 4), 64, math.inf, 4),
        # A request by itself may take longer than joined ones, and have more images than are joined.
        ([9, 1], linear(0, 1), 8, 2, 1),
        # Requests are whole, and keep their order.
        ([3, 3, 1], linear(1, 1), 4, math.inf, 1),
    ],
)
def test_as_many_run_as_save_time(images, seconds, most, limit_s, count):
    assert joined(images, seconds, most, limit_s) == count


def order_of(shares, weights, runs, seconds):
    """Return which of models that always have requests run, in order."""
    chosen = []
    for _ in range(runs):
        name = shares.next_of(list(weights))
        shares.spent(name, seconds[name], weights[name])
        chosen.append(name)
    return chosen


def test_models_get_equal_time():
    order = order_of(Shares(), {"slow": 1.0, "quick": 1.0}, 110, {"slow": 10.0, "quick": 1.0})
    assert 9 <= order.count("slow") <= 11


def test_models_get_time_by_their_shares():
    order = order_of(Shares(), {"much": 3.0, "little": 1.0}, 40, {"much": 1.0, "little": 1.0})
    assert 29 <= order.count("much") <= 31


def test_a_model_that_slept_has_saved_no_time():
    shares = Shares()
    order_of(shares, {"busy": 1.0}, 100, {"busy": 1.0})
    shares.woke("rested")
    order = order_of(shares, {"busy": 1.0, "rested": 1.0}, 10, {"busy": 1.0, "rested": 1.0})
    assert order[:2] in (["rested", "busy"], ["busy", "rested"])
    assert 4 <= order.count("rested") <= 6
