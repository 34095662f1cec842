"""The comparison of engines: that it runs, that all engines agree, and what it reports."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.pytorch import needs_torch
from xdn.data.pixels import PixelTransform
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt
from xdn.graph import Transform
from xdn.report.reading import read_result

ROOT = Path(__file__).resolve().parent.parent
GATED = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 2 dim: 2 } } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool" pooling_param { pool: AVE global_pooling: true } }
layer { name: "gate" type: "HSigmoid" bottom: "pool" top: "gate" }
layer { name: "flat" type: "Flatten" bottom: "gate" top: "flat" }
layer { name: "act" type: "HSwish" bottom: "data" top: "act" }
layer { name: "gated" type: "Scale" bottom: "act" bottom: "flat" top: "gated" scale_param { axis: 0 } }
"""


@pytest.fixture
def bench(monkeypatch):
    """Return a function that imports a module of bench/."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return __import__


def entrants(bench, names, model):
    """Return the engines called `names` that could be made for a model, and why not of the others."""
    entered = bench("entrants").Entrants(bench("inputs").Output(quiet=True))
    entered.enter(names, model, 1)
    return entered


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
    transform = PixelTransform.of(Transform(), (2, 2, 1), (1, 2, 2))
    model = bench("engine").Model(Path(), transform, "data", "prob", (1, 2, 2))
    entered = entrants(bench, [name], model)
    assert entered.engines == {}
    assert entered.missing[name].startswith("missing: ")


@pytest.fixture
def other(bench):
    """Return an engine of another name than XDN's, which gives what it is given to give."""

    class Other(bench("engine").Engine):
        name = "other"
        outputs = np.ones((1, 2), np.float32)

        def configure(self, batch, variant):
            pass

        def convert(self, images):
            return images

        def infer(self, batches):
            return (self.outputs for _ in batches)

    return Other(SimpleNamespace(precision="f32"), 1)


def raises(error):
    """Return a function that raises an error whatever it is given."""

    def raising(*_):
        raise error

    return raising


def test_an_engine_that_fails_is_left_out_with_its_words(bench, other):
    """Packages raise what they like: OpenCV its own class, others RuntimeError, some of several lines."""
    entered = bench("entrants").Entrants(bench("inputs").Output(quiet=True), {"other": other})
    assert entered.results(raises(RuntimeError("no layer\n  HSwish"))) == {}
    assert entered.engines == {}
    assert entered.missing == {"other": "cannot run this net: no layer HSwish"}


def test_of_a_fault_of_xdn_itself_nothing_is_timed(bench, other):
    other.name = "xdn"
    entered = bench("entrants").Entrants(bench("inputs").Output(quiet=True), {"xdn": other})
    with pytest.raises(RuntimeError):
        entered.results(raises(RuntimeError()))


@pytest.mark.parametrize(
    ("precision", "judged"), [("f32", True), ("bf16", False), ("int8", False)], ids=["f32", "bf16", "int8"]
)
def test_other_engines_are_judged_in_f32_alone(bench, other, precision, judged):
    other.model.precision = precision
    entered = bench("entrants").Entrants(bench("inputs").Output(quiet=True), {"other": other})
    expected = np.array([[2, 1]], np.float32)
    found = entered.results(lambda engine: bench("measure").check_agreement(engine, expected, expected))
    (why,) = entered.missing.values() if judged else [""]
    assert ("differs from the references by 0.5, and is not timed" in why) == judged
    assert [*found.values()] == ([] if judged else [{other.title: 0.5}])


@needs_torch
def test_pytorch_runs_what_is_gated_by_another_blob(bench):
    """As in MobileNet v3: functions of each element, and a Scale of two bottoms."""
    import torch

    net = net_from_message(prototxt.parse(GATED))
    x = np.linspace(-4, 4, 24, dtype=np.float32).reshape(2, 3, 2, 2)
    module = bench("torch_net").TorchNet(net)
    np.testing.assert_allclose(
        module(torch.from_numpy(x)), net.with_batch(2).forward({"data": x})["gated"], rtol=1e-6, atol=1e-6
    )
