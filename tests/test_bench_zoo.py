"""`bench/zoo.py`: files that run, that are refused, and how results are compared."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from xdn import memory

BENCH = Path(__file__).parents[1] / "bench"
NET = """input: "data" input_shape { dim: 1 dim: 3 dim: 6 dim: 6 }
layer { name: "c" type: "Convolution" bottom: "data" top: "c" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "p" type: "Softmax" bottom: "c" top: "p" }
"""


@pytest.fixture
def zoo(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    import zoo

    return zoo


def test_a_folder(tmp_path):
    (tmp_path / "a.prototxt").write_text(NET)
    (tmp_path / "b.prototxt").write_text('layer { name: "x" type: "LSTM" }')
    report = tmp_path / "report.json"
    command = [sys.executable, str(BENCH / "zoo.py"), str(tmp_path), "--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    ran, refused = json.loads(report.read_text())
    assert (ran["file"], ran["state"], ran["apart"]) == ("a.prototxt", "ran", [])
    assert ran["reference"] < 1e-5
    assert ran["opencv"] < 1e-5
    assert refused["state"] == "refused"
    assert "LSTM" in refused["error"]
    assert "2 files, 1 ran; 1 of 1 agree with the references" in done.stdout


def test_differences_are_relative_to_the_largest_value(zoo):
    found = {"a": np.array([[1, 2]], np.float32), "b": np.zeros((1, 2), np.float32)}
    assert zoo.difference(found, {"a": np.array([[1, 4]]), "b": np.zeros((1, 2))}) == pytest.approx(0.5)
    assert zoo.difference(found, {"a": np.array([[1]]), "b": np.zeros((1, 2))}) is None


TRAINING = """layer { name: "d" type: "Data" top: "data" top: "label" }
layer { name: "f" type: "Flatten" bottom: "data" top: "f" }
layer { name: "r" type: "Reshape" bottom: "f" top: "r" reshape_param { shape { dim: 0 dim: 5 dim: -1 } } }
layer { name: "i" type: "InnerProduct" bottom: "r" top: "i" inner_product_param { num_output: 2 } }
"""


def test_the_first_shape_counts_with_which_a_file_loads(zoo, tmp_path):
    path = tmp_path / "a.prototxt"
    path.write_text(TRAINING)
    found = zoo.run_one(path, [(2, 3, 4), (2, 5, 4), (1, 5, 1)], 1.0)
    assert (found["state"], found["gmacs"]) == ("ran", 40 * 2 / 1e9)
    refused = zoo.run_one(path, [(2, 3, 4), (2, 3, 3)], 1.0)
    assert refused["state"] == "refused"
    assert "18" in refused["error"]


def test_a_file_that_loads_may_fail_to_run(zoo, tmp_path):
    path = tmp_path / "a.prototxt"
    path.write_text(NET)
    with memory.limited(1000):
        found = zoo.run_one(path, [], 1.0)
    assert found["state"] == "failed"
    assert "are allowed" in found["error"]
