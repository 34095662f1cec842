"""Timing in turn, with contestants whose answers the test decides."""

import time

import numpy as np
import pytest

from xdn.errors import DataError
from xdn.evaluate.answers import Answers
from xdn.evaluate.contest import Contestant, ContestResult, Rounds, timed

NAMES = tuple("abcdefg")


class Scripted(Contestant):
    """Answers with scores that are prepared, and writes down when it is asked."""

    def __init__(self, name, log, rounds, seconds=0.0):
        super().__init__(np.array([0, 1, 2]), NAMES)
        self.name, self.log, self.rounds, self.seconds = name, log, iter(rounds), seconds

    def warm(self):
        self.log.append(f"warm {self.name}")

    def answers(self):
        self.log.append(self.name)
        time.sleep(self.seconds)
        return Answers.of([next(self.rounds)])


def scores(*classes):
    return np.eye(7, dtype=np.float32)[list(classes)]


def test_contestants_run_in_turn_after_all_are_warm():
    log, begun = [], []
    right, wrong = scores(0, 1, 2), scores(0, 1, 6)
    contestants = [Scripted("A", log, [right] * 2), Scripted("B", log, [wrong] * 2, seconds=0.02)]
    a, b = timed(contestants, 2, lambda number, place: begun.append((number, place)))
    assert log == ["warm A", "warm B", "A", "B", "A", "B"]
    assert begun == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert (a.accuracy.correct, a.accuracy.top5) == (3, 3)
    # Of scores that are all 0 the lower class comes first: 2 is the fourth after 6.
    assert (b.accuracy.correct, b.accuracy.top5) == (2, 3)
    assert len(a.runs_s) == len(b.runs_s) == 2
    assert min(b.runs_s) >= 0.02
    assert min(b.runs_s) <= b.contest_s <= max(b.runs_s)
    assert b.images_per_s == pytest.approx(3 / b.contest_s)
    assert a.latency is None


def test_data_that_changes_between_rounds_is_an_error():
    with pytest.raises(DataError, match="the data changed"):
        timed([Scripted("A", [], [scores(0, 1, 2), scores(0, 1, 3)])], 2)


def test_rounds_go_on_until_the_time_has_passed():
    (result,) = timed([Scripted("A", [], [scores(0, 1, 2)] * 100, seconds=0.02)], Rounds(2, 0.1))
    assert len(result.runs_s) >= 2
    assert sum(result.runs_s) >= 0.08
    assert list(Rounds(3, 0.0)) == [0, 1, 2]


def test_rounds_before_them_are_not_timed():
    log = []
    (result,) = timed([Scripted("A", log, [scores(0, 1, 2)] * 5)], Rounds(2, warming=3))
    assert log == ["warm A", *["A"] * 5]
    assert len(result.runs_s) == 2


def test_a_run_without_labels_has_no_accuracy():
    contestant = Scripted("A", [], [scores(0, 1, 2)])
    contestant.counted = False
    (result,) = timed([contestant])
    assert result.accuracy is None
    assert result.images == 3
    with pytest.raises(DataError, match="no accuracy"):
        _ = result.counted
    assert ContestResult(None, 2.0, (2.0,), 10).images_per_s == 5
