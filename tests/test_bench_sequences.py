"""The benchmark of sequences: what is reported."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def sequences(*args):
    """Run bench/sequences.py and return the finished process."""
    command = [sys.executable, str(ROOT / "bench" / "sequences.py"), "--threads", "1", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_both_engines_are_reported(tmp_path):
    target = tmp_path / "sequences.json"
    sizes = (
        "--layer",
        "gru",
        "--units",
        "8",
        "--inputs",
        "5",
        "--steps",
        "6",
        "--streams",
        "1,3",
        "--rounds",
        "2",
        "--warm",
        "0.01",
    )
    done = sequences(*sizes, "--json", str(target))
    assert done.returncode == 0, done.stderr
    document = json.loads(target.read_text())
    assert document["machine"]["cpu"]
    assert document["layer"] == "gru"
    assert [found["streams"] for found in document["found"]] == [1, 3]
    for found in document["found"]:
        assert found["difference"] < 1e-5
        for name in ("xdn", "onnxruntime"):
            assert 0 < found[name]["least_ms"] <= found[name]["ms"]
    assert "difference" in done.stdout


def test_numbers_of_streams_are_positive():
    done = sequences("--streams", "1,0")
    assert done.returncode == 2
    assert "--streams" in done.stderr
