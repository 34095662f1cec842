"""A dialogue: points are asked for one by one, scores sent request by request, and the longest measurement counts."""

from math import inf

from numpy.random import default_rng

from tests.tune.surfaces import SPACE, driven, surface
from xdn.tune.dialogue import Dialogue
from xdn.tune.search import SEARCHES, Hints, Request


def answered(requests, scores):
    """Return a dialogue in which `requests` were answered with `scores`, and what the search was sent."""
    sent = []

    def search():
        for request in requests:
            sent.append((yield request))

    dialogue = Dialogue(search())
    for score in scores:
        dialogue.tell(score)
    return dialogue, sent


def test_points_are_asked_for_in_order():
    requests = [Request(("a", "b"), 1 / 3), Request(("c",))]
    assert answered(requests, [])[0].asked == ("a", 1 / 3)
    dialogue, sent = answered(requests, [1.0])
    assert (dialogue.asked, sent) == (("b", 1 / 3), [])
    dialogue, sent = answered(requests, [1.0, 2.0])
    assert (dialogue.asked, sent) == (("c", 1.0), [[1.0, 2.0]])
    dialogue, sent = answered(requests, [1.0, 2.0, 3.0])
    assert (dialogue.asked, sent) == (None, [[1.0, 2.0], [3.0]])


def test_a_search_without_points_asks_for_nothing():
    dialogue, _ = answered([], [])
    assert (dialogue.asked, dialogue.best(3)) == (None, [])


def test_short_measurements_do_not_beat_long_ones():
    requests = [Request((0, 2), 1 / 9), Request((1, 2, 3))]
    dialogue, _ = answered(requests, [0.1, 0.2, 0.5, 0.4, inf])
    assert dialogue.best(3) == [2, 1, 0]
    assert dialogue.best(1) == [2]


def test_the_last_of_equally_long_measurements_counts():
    dialogue, _ = answered([Request((0, 1)), Request((0,))], [0.1, 0.2, 0.3])
    assert dialogue.best(2) == [1, 0]


def test_a_strategy_asks_as_if_it_were_answered_request_by_request():
    for strategy, search in SEARCHES.items():
        dialogue, made = Dialogue(search(SPACE, default_rng(0), Hints())), []
        while dialogue.asked and len(made) < 100:
            point, share = dialogue.asked
            made.append((point, share, surface(point)))
            dialogue.tell(made[-1][2])
        assert made == driven(strategy, trials=100)[: len(made)], strategy
        assert len(made) == 100
