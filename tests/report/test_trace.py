"""A profile as a trace: threads are rows, and slices as long as the threads' times."""

import pytest

from tests.report.page.samples import layer, results, run
from xdn.report.trace import trace


@pytest.fixture
def found():
    """Return the trace of two layers on two threads, and one on whole batches."""
    layers = [layer("a", 2.0), layer("whole", 1.0, worker_ms=[]), layer("b", 4.0)]
    profile = results(run=run(1.0, layers)).runs[0][1].profile
    return trace(profile, "net")


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
