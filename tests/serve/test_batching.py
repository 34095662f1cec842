"""Which waiting requests run next."""

import math
from collections import deque

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


def resnet50(images):
    """Return what runs of ResNet-50 at 224x224 took, measured: by the channel schedule, or a block a thread."""
    return min(0.0262 * images, 1.53 * math.ceil(images / 64))


def gaining(images):
    """Return what runs take that gain much by more images."""
    return 0.02 + 0.002 * images


def simulated(arrivals, seconds, limit_s, count, again=False):
    """Return the seconds from arrival to answer of single images, and when the last one had its own.

    With `again` who has an answer sends the next image at once.
    """
    pending, now, taken = deque(arrivals), 0.0, []
    while len(taken) < count:
        now = max(now, pending[0])
        waiting = sum(at <= now for at in pending)
        run = joined([1] * waiting, seconds, 64, limit_s)
        now += seconds(run)
        for _ in range(run):
            taken.append(now - pending.popleft())
            if again:
                pending.append(now)
    return taken, now


@pytest.mark.parametrize("seconds", [resnet50, gaining])
def test_a_saturated_service_computes_as_much_as_it_can(seconds):
    taken, end_s = simulated([0.0] * 128, seconds, 0.1, 1280, again=True)
    assert len(taken) / end_s > 0.96 * 64 / seconds(64)


def test_what_comes_slower_than_it_is_computed_is_in_time():
    every_s = 1.25 * resnet50(1)
    taken, _ = simulated([every_s * number for number in range(100)], resnet50, 0.1, 100)
    assert max(taken) <= 0.1


def test_more_than_runs_within_the_limit_compute_does_not_pile_up():
    """Runs of 10 images take 0.04 s, which is 250 a second; 350 come."""
    arrivals = [number / 350 for number in range(700)]
    taken, _ = simulated(arrivals, gaining, 0.04, 700)
    assert max(taken) < 2 * gaining(64)
    within = [joined([1] * waiting, gaining, 64, 0.04) for waiting in (5, 15)]
    assert within == [5, 10]


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
