"""The comparison of engines: that it runs, that all engines agree, and what it reports."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from xdn.data.pixels import PixelTransform
from xdn.graph import Transform
from xdn.report.reading import read_result

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def bench(monkeypatch):
    """Return a function that imports a module of bench/."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return __import__


def engines(*args):
    """Run bench/engines.py and return the finished process."""
    command = [sys.executable, str(ROOT / "bench" / "engines.py"), "--threads", "1", "--rounds", "1", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["throughput", "latency"])
def test_all_engines_agree_and_are_timed(mode, tmp_path):
    net = ROOT / "prototxt" / "lenet" / "deploy.prototxt"
    target = tmp_path / "figures.json"
    done = engines(
        "--net", str(net), "--random-weights", "--mode", mode, "--random-images", "8", "--batches", "4",
        "--json", str(target),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(target.read_text())
    assert read_result(target).seconds("xdn") > 0
    known = {"xdn", "mnn", "ncnn", "onnxruntime", "openvino", "torch", "opencv"}
    twice = {f"{name} as it comes" for name in ("xdn", "onnxruntime", "openvino") if name in document["engines"]}
    assert set(document["engines"]) | set(document["missing"]) == known | twice
    assert document["macs"] == 2_293_000
    assert document["machine"]["cpu"]
    key = "latency_ms" if mode == "latency" else "own_form_s"
    for name, figures in document["engines"].items():
        assert figures[key] > 0, name
        # As it comes, an engine may compute in bf16.
        assert figures["largest_difference"] < (0.1 if name in twice else 1e-3), name
        assert figures[f"ratio_{key}"] == pytest.approx(figures[key] / document["engines"]["xdn"][key])
        assert name in done.stdout
    assert document["precision"] == "f32"
    others = {name: figures for name, figures in document["engines"].items() if name in known - {"xdn"}}
    best = min(others, key=lambda name: others[name][key])
    assert document["ratio"] == {key: {"engine": best, "ratio": others[best][f"ratio_{key}"]}}
    assert f"{document['ratio'][key]['ratio']:.3f} ({best})" in done.stdout


@pytest.mark.slow
def test_the_contest_times_packed_files_and_counts_correct_labels(tmp_path):
    net = ROOT / "prototxt" / "resnet20_glyphs10" / "resnet20.prototxt"
    target = tmp_path / "figures.json"
    done = engines(
        "--net", str(net), "--engines", "xdn,onnxruntime", "--images", "70", "--batches", "32", "--json", str(target)
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(target.read_text())
    figures = document["engines"]
    assert set(document["ratio"]) == {"total_s", "own_form_s"}
    assert figures["xdn"]["total_s"] > 0
    # Nine of ten are right on average; the weights and images are fixed.
    assert figures["xdn"]["correct"] == figures["onnxruntime"]["correct"] > 50


def test_an_unknown_engine_is_a_usage_error():
    done = engines("--net", "x.prototxt", "--engines", "xdn,notorch")
    assert done.returncode == 2
    assert "known: xdn, mnn, ncnn, onnxruntime" in done.stderr


def test_a_precision_that_no_engine_is_asked_for_is_a_usage_error():
    done = engines("--net", "x.prototxt", "--precision", "f32,bf8")
    assert done.returncode == 2
    assert "choose from" in done.stderr
    assert "f32, bf16, int8" in done.stderr


def test_a_contest_needs_images_that_fit(tmp_path):
    net = ROOT / "prototxt" / "lenet" / "deploy.prototxt"
    done = engines("--net", str(net), "--random-weights", "--data", "glyphs10")
    assert done.returncode == 1
    assert "do not fit the net's input" in done.stderr


def test_every_file_of_an_engine_holds_the_engine_of_its_name(bench):
    engine = bench("engine")
    assert engine.engine_names()[0] == "xdn"
    assert len(engine.engine_names()) == len(list((ROOT / "bench").glob("engine_*.py")))
    for name in engine.engine_names():
        assert engine.engine_class(name).name == name


@pytest.mark.parametrize("name", ["mnn", "ncnn"])
def test_an_engine_without_its_package_is_missing(bench, monkeypatch, name):
    def version(distribution):
        raise metadata.PackageNotFoundError(distribution)

    monkeypatch.setattr(bench("engine").metadata, "version", version)
    output = bench("inputs").Output(quiet=True)
    transform = PixelTransform.of(Transform(), (2, 2, 1), (1, 2, 2))
    model = bench("engine").Model(Path(), transform, "data", "prob", (1, 2, 2))
    made, missing = bench("engines").make_engines([name], model, 1, output)
    assert made == {}
    assert missing[name].startswith("missing: ")
