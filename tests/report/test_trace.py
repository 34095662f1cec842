"""Traces: threads are rows, and slices as long as the threads' times, or where they were."""

from itertools import pairwise

import pytest

from tests.report.page.samples import layer, results, run
from xdn.report.trace import profile_trace, timeline_trace
from xdn.runtime.timeline import Interval, Timeline


@pytest.fixture
def found():
    """Return the trace of two layers on two threads, and one on whole batches."""
    layers = [layer("a", 2.0), layer("whole", 1.0, worker_ms=[]), layer("b", 4.0)]
    profile = results(run=run(1.0, layers)).runs[0][1].profile
    return profile_trace(profile, "net")


def test_threads_are_rows(found):
    names = [event["args"]["name"] for event in found["traceEvents"] if event["ph"] == "M"]
    assert names == ["net", "thread 0", "thread 1"]


def test_slices_follow_each_other(found):
    slices = [event for event in found["traceEvents"] if event["ph"] == "X"]
    assert [(each["name"], each["tid"], each["ts"], each["dur"]) for each in slices] == [
        ("a", 0, 0.0, pytest.approx(1800)),
        ("a", 1, 0.0, pytest.approx(2200)),
        # Alone, after the last thread.
        ("whole", 0, pytest.approx(2200), pytest.approx(1000)),
        ("b", 0, pytest.approx(3200), pytest.approx(3600)),
        ("b", 1, pytest.approx(3200), pytest.approx(4400)),
    ]


def test_intervals_are_slices_where_they_were():
    first = Interval("a", "ReLU", "relu_f32__avx2", 1, 32, 5, 0.0, 2.0)
    timeline = Timeline(2, (first, Interval("whole", "NMS", "", 0, 0, 37, 2.5, 1.2345678)), 0)
    *names, relu, whole = timeline_trace(timeline, "net")["traceEvents"]
    assert [event["args"]["name"] for event in names] == ["net", "thread 0", "thread 1"]
    assert relu == {
        "ph": "X", "pid": 1, "tid": 1, "ts": 0.0, "dur": 2.0, "name": "a", "cat": "ReLU",
        "args": {"kernel": "relu_f32__avx2", "first_image": 32, "images": 5},
    }  # fmt: skip
    assert (whole["tid"], whole["ts"], whole["dur"]) == (0, 2.5, 1.235)


def test_slices_do_not_reach_into_each_other():
    times = [0.0, 1.0004, 2.0008, 3.0012, 4.0016]
    found = [Interval("a", "ReLU", "relu", 0, 0, 1, begin, end - begin) for begin, end in pairwise(times)]
    slices = timeline_trace(Timeline(1, tuple(found), 0), "net")["traceEvents"][2:]
    nanoseconds = [(round(1e3 * each["ts"]), round(1e3 * each["dur"])) for each in slices]
    assert all(begin + length == after for (begin, length), (after, _) in pairwise(nanoseconds))
