"""Configurations that were timed in turn."""

import json

import pytest

from tests.evaluate.contest_results import CONTEST, bar
from xdn.errors import DataError
from xdn.evaluate.bars import Contest


def test_a_bar_stands_for_all_images():
    whole, part = bar("a", 10.0), bar("b", 4.0, timed=200)
    assert (whole.seconds, whole.scale) == (10.0, 1.0)
    assert (part.seconds, part.scale) == (200.0, 50.0)
    # 2 * 50 M operations * 10,000 images at 100 GFLOP/s, however many of them were timed.
    assert whole.limit_s == pytest.approx(10.0)
    assert part.limit_s == pytest.approx(10.0)
    assert whole.spread == pytest.approx(0.2)
    assert part.spread == pytest.approx(0.2)
    assert bar("c", 1.0, macs=0).limit_s is None


def test_what_was_written_is_read():
    document = json.loads(json.dumps(CONTEST.document(), allow_nan=False))
    assert document["machine"]["cpu"]
    assert Contest.read(document) == CONTEST
    with pytest.raises(DataError, match="results of schema 1"):
        Contest.read(document | {"schema": 1})
