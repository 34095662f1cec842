"""Times that are kept between starts of a service."""

import json

import pytest

from xdn import api, settings
from xdn.runtime.configuration import DEFAULT
from xdn.serve.kept import KeptTimes

pytestmark = pytest.mark.usefixtures("own_cache")
SECONDS = {"batch": {64: 1.5}, "channel": {1: 0.025, 2: 0.05}}


@pytest.fixture(name="net", scope="module")
def fixture_net():
    return api.load(settings.shipped_dir() / "lenet" / "deploy.prototxt", random_weights=True)


def test_times_are_kept_for_the_net_and_how_it_is_run(net):
    KeptTimes(net, DEFAULT, 2, 64).write(SECONDS)
    assert KeptTimes(net, DEFAULT, 2, 64).read() == SECONDS
    others = (DEFAULT, 1, 64), (DEFAULT, 2, 32), (DEFAULT.with_given(schedule="batch"), 2, 64)
    assert [KeptTimes(net, *other).read() for other in others] == [{}] * 3


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        json.dumps({"seconds": {"batch": {"0": 1.0}}}),
        json.dumps({"seconds": {"batch": {"x": 1.0}}}),
        json.dumps({"seconds": {"batch": {"9" * 10: 1.0}}}),
        json.dumps({"seconds": {"batch": {"1": -1.0}}}),
        '{"seconds": {"batch": {"1": Infinity}}}',
    ],
)
def test_what_is_no_time_is_measured_anew(net, text, caplog):
    kept = KeptTimes(net, DEFAULT, 2, 64)
    kept.path.parent.mkdir(parents=True)
    kept.path.write_text(text)
    assert kept.read() == {}
    assert "measured anew" in caplog.text


def test_a_cache_that_cannot_be_written_is_left_alone(net, caplog):
    kept = KeptTimes(net, DEFAULT, 2, 64)
    kept.path.parent.parent.mkdir(exist_ok=True)
    kept.path.parent.write_text("in the way")
    kept.write(SECONDS)
    assert "cannot be kept" in caplog.text
    assert kept.read() == {}
