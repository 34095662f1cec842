"""Which of several ways to compute a net is taken: by measured errors, and by times that are far apart."""

from functools import partial

import numpy as np
import pytest

from tests.evaluate.building import Stripes, brightest_channel, weighed_channels
from tests.optimize.building import conv, data, layer, net_of
from xdn import api
from xdn.errors import SettingError
from xdn.evaluate.scores import Scores
from xdn.session import Session
from xdn.tune.precision import Judge, _best, _reasoned, weighed
from xdn.tune.verdict import Verdict, Weighed

IMAGES = Stripes()


def judge(net, *, labelled=True, count=70, **options):
    """Return a judge on the first of the striped images."""
    images, labels = IMAGES.images(0, count), IMAGES.labels[:count] if labelled else None
    scores = Scores("pool", 3) if labelled else None
    return Judge(images, api.pixel_transform(net, Stripes.shape), labels, scores, **options)


def opener(net):
    """Return what opens a session of a net."""
    return partial(Session, net, threads=1)


def biased():
    """Return the net that says the brightest channel, but never the last one."""
    net = weighed_channels()
    last = net.layer("second")
    bias = np.float32([0, 0, -1e6])
    worse = last.replace(weights=dict(last.weights) | {"bias": bias})
    return net.replace(layers=tuple(worse if each.name == "second" else each for each in net.layers))


def slow():
    """Return the striped net with work before it whose result it does not see."""
    wide = conv("wide", "data", 512, kernel=3, pad=1)
    again = conv("again", "wide", 512, kernel=3, pad=1)
    nothing = conv("nothing", "again", 3, bias_term=False)
    nothing = nothing.replace(weights={"weight": np.zeros((3, 512, 1, 1), np.float32)})
    pool = layer("Pooling", "pool", ["sum"], pool="AVE", global_pooling=True)
    return net_of(data(1, 3, 4, 5), wide, again, nothing, layer("Eltwise", "sum", ["data", "nothing"]), pool)


@pytest.mark.parametrize("labelled", [True, False], ids=["labels", "equal labels"])
def test_the_fastest_within_the_bound_is_taken(labelled):
    candidates = {"slow": opener(slow()), "wrong": opener(biased()), "same": opener(brightest_channel())}
    told = []
    verdict = weighed(candidates, judge(brightest_channel(), labelled=labelled), 0.5, lambda *done: told.append(done))
    rows = {each.name: each for each in verdict.candidates}
    assert list(rows) == ["slow", "wrong", "same"]
    assert verdict.taken == "same"
    assert (rows["slow"].drop, rows["same"].drop) == (0.0, 0.0)
    assert rows["wrong"].drop == pytest.approx(100 * (IMAGES.labels == 2).mean())
    assert rows["wrong"].why == "drops by more than 0.5 points"
    assert (rows["slow"].why, rows["same"].why) == ("not faster than same", "taken")
    assert rows["slow"].factor == 1.0
    for each in rows.values():
        assert each.ms == pytest.approx(rows["slow"].ms / each.factor)
    assert (verdict.images, verdict.labelled, verdict.max_drop) == (70, labelled, 0.5)
    assert told == [(0, 3), (1, 3), (2, 3)]


def test_a_wide_bound_lets_what_is_wrong_win():
    verdict = weighed({"slow": opener(slow()), "wrong": opener(biased())}, judge(brightest_channel()), 100.0)
    assert verdict.taken == "wrong"


def test_what_cannot_be_run_says_why():
    def refused():
        raise SettingError("no such unit")

    verdict = weighed({"own": opener(brightest_channel()), "other": refused}, judge(brightest_channel()), 0.5)
    assert verdict.taken == "own"
    assert verdict.candidates[1] == Weighed("other", why="no such unit")
    assert verdict.candidates[0].ms > 0


def test_about_equals_do_not_replace_what_is_more_exact():
    rows = [
        Weighed("a", factor=1.0, drop=0.0),
        Weighed("b", factor=1.005, drop=0.0),
        Weighed("c", factor=9.0, drop=2.0),
    ]
    best = _best(rows, 1.0)
    assert best.name == "a"
    reasons = [_reasoned(each, best, 1.0, 3.0).why for each in rows]
    assert reasons == ["taken", "not faster than a", "drops by more than 1 points"]
    assert _best(rows, 2.0).name == "c"


def test_a_call_has_as_many_images_as_are_asked_for():
    net = brightest_channel()
    session = Session(net, threads=1)
    assert len(judge(net, batch=100).call(session)) == 100
    assert len(judge(net, count=50).call(session)) == 50
    verdict = weighed({"own": opener(net)}, judge(net, batch=4), 0.5)
    assert isinstance(verdict, Verdict)
    assert (verdict.batch, verdict.taken) == (4, "own")


def test_a_net_with_a_fixed_batch_is_measured_in_calls_of_it():
    net = net_of(data(4, 3, 4, 5), layer("Reshape", "flat", ["data"], shape=(4, 60)))
    measuring = judge(net, labelled=False)
    session = Session(net, threads=1)
    assert len(measuring.classes(session)) == 68
    assert len(measuring.call(session)) == 4


def test_no_error_is_told_of_an_output_that_is_not_of_images():
    net = net_of(data(1, 3, 4, 5), layer("Reshape", "rows", ["data"], shape=(-1, 20)))
    with pytest.raises(SettingError, match="the output 'rows' has no entry for each image"):
        judge(net, labelled=False).classes(Session(net, threads=1))
