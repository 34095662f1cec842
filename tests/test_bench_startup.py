"""The benchmark of starting: cold compiles, warm does not, and the phases make up the whole."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PHASES = ["interpreter", "import", "load", "fuse", "images", "plan", "compile", "link", "run"]


def startup(*args):
    """Run bench/startup.py once and return the finished process."""
    command = [sys.executable, str(ROOT / "bench" / "startup.py"), "--threads", "1", "--rounds", "1", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_a_cold_start_compiles_and_a_warm_one_does_not(tmp_path):
    target = tmp_path / "startup.json"
    net = str(ROOT / "prototxt" / "lenet" / "deploy.prototxt")
    done = startup("--net", net, "--random-weights", "--images", "3", "--json", str(target))
    assert done.returncode == 0, done.stderr
    document = json.loads(target.read_text())
    assert document["machine"]["llvmlite"]
    cold, warm = (document[kind]["runs"][0] for kind in ("cold", "warm"))
    assert cold["kernels_compiled"] == warm["kernels_from_cache"] > 5
    assert cold["kernels_from_cache"] == warm["kernels_compiled"] == 0
    assert cold["phases_s"]["compile"] > 0
    assert warm["phases_s"]["compile"] == 0
    for report in (cold, warm):
        assert list(report["phases_s"]) == PHASES
        assert all(seconds >= 0 for seconds in report["phases_s"].values())
        assert sum(report["phases_s"].values()) == pytest.approx(report["total_s"])
        # The net's own weights, 1.7 MB, are the least that must be there.
        assert report["peak_memory_bytes"] > 4 * 430_000
    assert all(phase in done.stdout for phase in (*PHASES, "peak memory", "to the first result"))


def test_a_chain_of_layers(tmp_path):
    target = tmp_path / "startup.json"
    done = startup("--layers", "12", "--json", str(target))
    assert done.returncode == 0, done.stderr
    document = json.loads(target.read_text())
    assert document["net"] == "a chain of 12 convolutions"
    # Few kernels serve all layers.
    assert document["cold"]["runs"][0]["kernels_compiled"] < 12


def test_what_goes_wrong_in_a_process_is_told(tmp_path):
    (tmp_path / "net.prototxt").write_text('layer { name: "x" type: "Nonsense" top: "x" }')
    done = startup("--net", str(tmp_path / "net.prototxt"), "--random-weights")
    assert done.returncode == 1
    assert "Nonsense" in done.stderr
    assert "Traceback" not in done.stderr
