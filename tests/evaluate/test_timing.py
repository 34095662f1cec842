"""Statistics of durations, with requests whose length the test decides."""

import time

from xdn.evaluate.timing import Latency, durations, run_for


def test_percentiles_are_in_milliseconds():
    latency = Latency.of([i / 1000 for i in range(1, 102)], batch=4)
    assert (latency.requests, latency.batch) == (101, 4)
    assert abs(latency.p50_ms - 51) < 1e-9
    assert abs(latency.p90_ms - 91) < 1e-9
    assert abs(latency.p99_ms - 100) < 1e-9
    assert abs(latency.max_ms - 101) < 1e-9
    assert [each.percent for each in latency.percentiles] == [50, 90, 99]


def test_percentiles_that_are_asked_for_come_in_place_of_the_usual_ones():
    latency = Latency.of([i / 1000 for i in range(1, 102)], 1, (25, 75))
    assert [(each.percent, round(each.ms, 6)) for each in latency.percentiles] == [(25, 26), (75, 76)]


def test_the_first_request_warms_up_and_is_not_counted():
    asked = []
    assert len(durations(asked.append, count=3, budget_s=60.0)) == 3
    assert asked == [0, 0, 1, 2]


def test_no_request_begins_after_the_budget():
    taken = durations(lambda number: time.sleep(0.02), count=1000, budget_s=0.05)
    assert 1 <= len(taken) < 1000
    assert min(taken) >= 0.02


def test_at_least_one_request_is_measured():
    assert len(durations(lambda number: None, count=5, budget_s=0.0)) == 1


def test_an_action_runs_until_its_time_has_passed():
    calls = []
    run_for(lambda: (calls.append(None), time.sleep(0.001)), 0.005)
    run_for(lambda: calls.append("never"), 0.0)
    assert calls
    assert "never" not in calls
