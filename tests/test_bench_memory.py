"""The benchmark of memory: each engine alone in its process, the same labels, and what it reports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NET = ROOT / "prototxt" / "resnet20_glyphs10" / "resnet20.prototxt"


def memory(*args):
    """Run bench/memory.py once and return the finished process."""
    command = [sys.executable, str(ROOT / "bench" / "memory.py"), "--threads", "1", "--rounds", "1", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.slow
def test_every_engine_is_measured_beside_its_time(tmp_path):
    target = tmp_path / "memory.json"
    options = ("--engines", "xdn,onnxruntime", "--images", "70", "--batch", "32", "--json", str(target))
    done = memory("--net", str(NET), *options)
    assert done.returncode == 0, done.stderr
    document = json.loads(target.read_text())
    assert document["machine"]["cpu"]
    assert document["images"] == 70
    runs = {(run["engine"], run["variant"]): run for run in document["runs"]}
    other = ("onnxruntime", "intra-op threads")
    assert set(runs) == {("xdn", "default"), other, ("onnxruntime", "one batch a thread")}
    for run in runs.values():
        assert run["batch"] == 32
        assert run["contest_s"] > 0
        # A Python with NumPy, and less than one with all that the parent process holds.
        assert 10 << 20 < run["before_bytes"] < 100 << 20
        assert run["peak_bytes"] > run["before_bytes"]
        assert run["own_bytes"] == run["peak_bytes"] - run["before_bytes"]
        assert run["correct"] == runs[other]["correct"] > 50
    own = runs["xdn", "default"]
    lowest = min(run["peak_bytes"] for key, run in runs.items() if key[0] != "xdn")
    assert document["ratio"]["lowest"]["ratio"] == pytest.approx(lowest / own["peak_bytes"])
    assert set(document["ratio"]) == {"lowest", "fastest"}
    assert "engine's own" in done.stdout


def test_an_engines_process_imports_no_other_engine():
    program = "from memory_child import engine_class; import sys; engine_class('onnxruntime'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT / "bench", capture_output=True, check=True)
    assert set(done.stdout.decode().split()).isdisjoint({"numba", "llvmlite", "torch", "cv2", "onnx", "openvino"})


def test_a_contest_needs_images_that_fit():
    net = ROOT / "prototxt" / "lenet" / "deploy.prototxt"
    done = memory("--net", str(net), "--random-weights", "--data", "glyphs10")
    assert done.returncode == 1
    assert "do not fit the net's input" in done.stderr


def test_a_peak_is_the_programs_own(monkeypatch):
    if not Path("/proc/self/status").exists():
        pytest.skip("only Linux counts a program apart from what started it")
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    ballast = bytearray(b"x" * (200 << 20))
    own = __import__("peak_memory").peak_memory_bytes()
    program = "from peak_memory import peak_memory_bytes; print(peak_memory_bytes())"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT / "bench", capture_output=True, check=True)
    assert own > len(ballast) > 3 * int(done.stdout)
