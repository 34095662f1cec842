"""Objectives: what they measure, on how many images, and which conditions they set."""

import numpy as np
import pytest

from tests.evaluate.building import Stripes, brightest_channel
from tests.kernels.checks import B
from xdn import api
from xdn.data.packed import PackedData, pack
from xdn.errors import SettingError
from xdn.evaluate import objective as objectives
from xdn.evaluate.objective import (
    OBJECTIVES,
    ContestTime,
    LimitedThroughput,
    MedianLatency,
    TailLatency,
    objective_named,
)
from xdn.runtime.configuration import Configuration
from xdn.runtime.session import Session

COUNT = 12 * B + 3


@pytest.fixture
def files(tmp_path):
    """Return (packed file, transform)."""
    pack(Stripes(COUNT), tmp_path / "stripes.packed")
    data = PackedData.open(tmp_path / "stripes.packed")
    transform = api.pixel_transform(brightest_channel(), data.shape, "rgb")
    return tmp_path / "stripes.packed", transform


def session_of(**options):
    return Session(brightest_channel(), configuration=Configuration(**options))


def counted(monkeypatch, name):
    """Record how many images each call of a function of the module is given."""
    seen, real = [], getattr(objectives, name)

    def calling(session, images, *rest):
        seen.append(len(images))
        return real(session, images, *rest)

    monkeypatch.setattr(objectives, name, calling)
    return seen


@pytest.mark.parametrize(("share", "images"), [(1.0, COUNT), (1 / 2, 6 * B), (1 / 9, 2 * B), (1e-6, 2 * B)])
def test_contest_measures_whole_rounds_of_chunks(files, monkeypatch, share, images):
    """Two replicas with chunks of one block: rounds of two blocks, but for all images."""
    seen = counted(monkeypatch, "answers")
    session = session_of(threads=2, schedule="batch", chunk_blocks=1)
    assert ContestTime(*files).cost(session, share) > 0
    assert seen == [images]


def test_warming_gives_every_worker_a_chunk(files, monkeypatch):
    seen = counted(monkeypatch, "classify")
    ContestTime(*files).warm(session_of(threads=2, schedule="batch", chunk_blocks=2))
    ContestTime(*files).warm(session_of(threads=4, members=2, schedule="channel", chunk_blocks=3))
    MedianLatency(*files).warm(session_of(threads=2))
    assert seen == [4 * B, 6, 1]


def test_contest_in_calls(files, monkeypatch):
    given = []
    real = objectives.answers
    monkeypatch.setattr(objectives, "answers", lambda s, i, t, batch: given.append(batch) or real(s, i, t, batch))
    objective = ContestTime(*files, call_images=7)
    objective.cost(session_of(threads=1))
    assert given == [7]
    assert objective.key == "contest in calls of 7"


def test_latency_is_a_percentile_of_calls(files, monkeypatch):
    monkeypatch.setattr(objectives, "durations", lambda call, count, budget: np.linspace(0.001, 0.101, 101))
    session = session_of(threads=1)
    assert MedianLatency(*files).cost(session) == pytest.approx(51)
    assert TailLatency(*files).cost(session) == pytest.approx(100)
    assert MedianLatency(*files).key == "latency-p50 of 1"


@pytest.mark.parametrize(("share", "calls"), [(1.0, 200), (0.5, 100), (0.001, 5)])
def test_latency_takes_fewer_calls_of_a_share(files, monkeypatch, share, calls):
    seen = counted(monkeypatch, "classify")
    MedianLatency(*files, call_images=5).cost(session_of(threads=1), share)
    # One call more, which is not counted.
    assert seen == [5] * (calls + 1)


def test_throughput_under_a_limit(files, monkeypatch):
    monkeypatch.setattr(objectives, "durations", lambda call, count, budget: [0.004] * 10)
    objective = LimitedThroughput(*files, call_images=8)
    assert objective.cost(session_of(threads=1)) == pytest.approx(1e3 * 4 / 8)
    objective.limit_ms = 3.9
    assert objective.cost(session_of(threads=1)) == float("inf")
    assert objective.key == "throughput below 3.9 ms"


def test_the_file_s_images_are_all_there_are(files):
    assert (ContestTime(*files).images, ContestTime(*files, 10).images) == (COUNT, 10)
    assert ContestTime(*files, 10**9).images == COUNT
    assert MedianLatency(*files, call_images=10**9).call_images == COUNT


def test_objectives_by_name():
    assert {objective_named(name) for name in OBJECTIVES} == set(OBJECTIVES.values())
    with pytest.raises(SettingError, match="Known: contest, latency-p50, latency-p99, throughput"):
        objective_named("speed")
