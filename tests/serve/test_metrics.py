"""What Prometheus reads."""

import os
import re

import pytest

from tests.serve.engines import Adder
from xdn.serve.messages import Duration, ModelStatistics, ProcessState
from xdn.serve.metrics import Histogram, RequestTimes, text


@pytest.fixture
def engine():
    """Return an engine that has done something."""
    made = Adder()
    made.done = ModelStatistics(
        'a"\\\nb', "1", 5, 2, Duration(3, 7_000), Duration(2, 1_000), Duration(3, 2_000), Duration(3, 3_000),
        Duration(3, 4_000), Duration(3, 5_000), {"OverloadedError": 1, "CancelledError": 2, "NetError": 3},
        {1: 1, 4: 1}, 6,
    )  # fmt: skip
    return made


@pytest.fixture
def lines(engine):
    """Return the samples."""
    times = RequestTimes()
    times.add("http", "add", 0.003)
    times.add("http", "add", 60.0)
    return text(engine, times).splitlines()


NAME = r"a\"\\\nb"


def test_names_and_values_are_those_of_triton(lines):
    values = {line.split("{")[0]: line.split()[-1] for line in lines if NAME in line and "reason" not in line}
    found = {name: int(value) for name, value in values.items() if name.startswith("nv_")}
    assert found == {
        "nv_inference_request_success": 3,
        "nv_inference_count": 5,
        "nv_inference_exec_count": 2,
        "nv_inference_request_duration_us": 7,
        "nv_inference_queue_duration_us": 2,
        "nv_inference_compute_input_duration_us": 3,
        "nv_inference_compute_infer_duration_us": 4,
        "nv_inference_compute_output_duration_us": 5,
        "nv_inference_pending_request_count": 6,
    }
    labels = f'model="{NAME}",version="1",reason='
    assert [line.partition(labels)[2] for line in lines if labels in line] == [
        '"REJECTED"} 1',
        '"CANCELED"} 2',
        '"OTHER"} 3',
    ]


def test_batches_and_times_are_histograms(lines):
    assert f'xdn_batch_images_bucket{{model="{NAME}",version="1",le="2"}} 1' in lines
    assert f'xdn_batch_images_sum{{model="{NAME}",version="1"}} 5.0' in lines
    times = [line.split('le="')[1] for line in lines if line.startswith("xdn_request_seconds_bucket")]
    assert times[1:3] == ['0.002"} 0', '0.005"} 1']
    assert times[-2:] == ['10.0"} 1', '+Inf"} 2']


def test_a_value_is_under_its_bound():
    found = Histogram((1, 2))
    for value in (0.5, 1, 1.5, 2, 3):
        found.add(value)
    assert (found.counts, found.sum) == ([2, 2, 1], 8.0)


def test_processes(engine, monkeypatch):
    states = ProcessState("server", os.getpid()), ProcessState("worker", 0, 3)
    monkeypatch.setattr(engine, "processes", lambda: states)
    said = text(engine, RequestTimes())
    assert 'xdn_process_restarts{process="worker"} 3' in said
    assert 'xdn_process_resident_bytes{process="worker"} 0' in said
    assert int(re.search(r'xdn_process_resident_bytes{process="server"} (\d+)', said)[1]) > 1 << 20


def test_models_that_are_not_ready_show(engine):
    engine.loaded.discard("slow")
    said = text(engine, RequestTimes())
    assert 'xdn_model_ready{model="add",version="1"} 1' in said
    assert 'xdn_model_ready{model="slow",version="1"} 0' in said


def test_each_family_has_one_type_before_its_samples(lines):
    known = []
    for line in lines:
        if line.startswith("# TYPE "):
            known.append(line.split()[2])
        elif not line.startswith("#"):
            assert line.startswith(known[-1])
    assert len(known) == len(set(known)) > 10
