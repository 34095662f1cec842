"""Other engines on the data of a run, by one whose outputs and speed the tests decide."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.evaluate.building import Stripes, brightest_channel
from xdn import api, evaluate, settings
from xdn.data.packed import pack
from xdn.errors import MissingExtraError, UnknownNameError
from xdn.evaluate.compared import EngineJob, compared, engines_of
from xdn.evaluate.contest import Rounds
from xdn.evaluate.contestants import Asked, FeedJob, OnlineJob, PackedJob
from xdn.evaluate.engines import Engine
from xdn.runtime.session import Session

#: What the tests' clock says, in seconds.
CLOCK = [0.0]


class References(Engine):
    """The NumPy references; by the tests' clock a call takes a second, in the variant that sleeps two."""

    distribution, variants = "numpy", ("sleeping", "awake")

    def __init__(self, fixed=False, error=0.0):
        self.fixed_batch, self.error, self.calls = fixed, error, []
        self.net = brightest_channel()

    def configure(self, shapes, variant):
        self.batch, self.sleeps = shapes["data"][0], variant == "sleeping"

    def infer(self, feeds):
        for feed in feeds:
            count = len(feed["data"])
            self.calls.append(count)
            CLOCK[0] += 2 if self.sleeps else 1
            assert count == self.batch or not self.fixed_batch
            yield [self.net.with_images(count).forward(dict(feed))["pool"] + self.error]


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Let calls take what the tests say, and trials be short."""
    monkeypatch.setattr(evaluate.compared, "time", SimpleNamespace(perf_counter=lambda: CLOCK[0]))
    monkeypatch.setattr(settings, "COMPARED_TRIAL_S", 0.0)
    monkeypatch.setattr(settings, "COMPARED_WARM_S", 0.0)


@pytest.fixture(scope="module")
def session():
    """Return a session of the net that finds the brightest channel."""
    return Session(brightest_channel(), threads=1)


@pytest.fixture(params=["packed", "on line"])
def job(request, session, tmp_path):
    """Return a job over 70 images."""
    transform = api.pixel_transform(session.net, Stripes.shape)
    if request.param == "on line":
        return OnlineJob(session, Stripes(), transform, 10)
    pack(Stripes(), tmp_path / "stripes.packed")
    return PackedJob(session, tmp_path / "stripes.packed", transform)


@pytest.mark.parametrize("fixed", [False, True])
def test_it_labels_all_images_in_its_fastest_setting(job, fixed):
    engine = References(fixed)
    other = EngineJob(job, engine, (1, 16))
    assert (other.setting.batch, other.setting.variant) == (16, "awake")
    other.warm()
    engine.calls.clear()
    assert (other.answers().classes == job.labels).all()
    assert engine.calls == [16] * 4 + [16 if fixed else 6]


def test_it_is_timed_in_turn_and_told_of(job):
    seen = []
    other = EngineJob(job, References(), (16,))
    own, theirs = compared(job, [other], Rounds(2), lambda *run: seen.append(run))
    assert seen == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert own.accuracy.correct == theirs.accuracy.correct == 70
    result = other.result(theirs, (10, 90))
    assert (result.batch, result.variant) == (16, "awake")
    assert result.engine.startswith("numpy ")
    assert [each.percent for each in result.contest.latency.percentiles] == [10, 90]


@pytest.mark.parametrize("error", [0.0, 0.5])
def test_how_far_its_outputs_are_from_the_sessions(job, error):
    largest = job.request(0)[0].max()
    other = EngineJob(job, References(error=error), (16,))
    assert other.difference == pytest.approx(error / largest, abs=1e-6)


def test_values_of_inputs_are_compared_too(session):
    feed = {"data": np.random.default_rng(0).standard_normal((7, 3, 4, 5)).astype(np.float32)}
    for job in (FeedJob.of(session, feed, 2), FeedJob.made_up(session, 2, 7)):
        other = EngineJob(job, engine := References(), (3,))
        engine.calls.clear()
        assert other.answers().classes.size == 0
        assert sum(engine.calls) >= 7


def test_nothing_is_counted_where_nothing_tells_classes(session):
    transform = api.pixel_transform(session.net, Stripes.shape)
    job = OnlineJob(session, Stripes(), transform, 10, Asked(None))
    (_, theirs) = compared(job, [EngineJob(job, References(), (16,))], Rounds(1))
    assert theirs.accuracy is None


def test_engines_are_made_by_their_names():
    with engines_of(brightest_channel(), ("onnxruntime",), 1) as (engine,):
        engine.configure({"data": (1, 3, 4, 5)}, engine.variants[0])
        ((outputs,),) = engine.infer([{"data": np.ones((1, 3, 4, 5), np.float32)}])
    np.testing.assert_allclose(outputs, np.ones((1, 3, 1, 1)))
    with engines_of(brightest_channel(), (), 1) as none:
        assert none == []


@pytest.mark.parametrize(("name", "error"), [("absent", MissingExtraError), ("onnxruntme", UnknownNameError)])
def test_engines_that_are_not_there(monkeypatch, name, error):
    from xdn.evaluate.engines.engine import ENGINES

    monkeypatch.setitem(ENGINES._entries, "absent", type("Absent", (References,), {"distribution": "no-engine"}))
    monkeypatch.setattr(References, "__init__", Engine.__init__)
    with pytest.raises(error), engines_of(brightest_channel(), (name,), 1):
        pass
