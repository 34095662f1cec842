"""The comparison of engines in 8-bit integers: whose nets are quantized, by which images, and what is said of them."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from tests.test_bench import entrants
from xdn.data.dataset import find_dataset
from xdn.data.packed import PackedData, pack
from xdn.errors import DataError
from xdn.graph.quantized import Quantized

ROOT = Path(__file__).resolve().parent.parent
LENET = ROOT / "prototxt" / "lenet" / "deploy.prototxt"
GLYPHS_NET = ROOT / "prototxt" / "resnet20_glyphs10" / "resnet20.prototxt"


@pytest.fixture
def bench(monkeypatch):
    """Return a function that imports a module of bench/."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return __import__


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """Let the system's folder for temporary files be an empty one, and return it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def options(bench, *more, net=LENET):
    """Return what `find_inputs` and `calibration_images` read, of a command line."""
    inputs = bench("inputs")
    parser = argparse.ArgumentParser()
    inputs.add_options(parser)
    inputs.add_calibration_options(parser)
    return parser.parse_args(["--net", str(net), *more])


def found_inputs(bench, args):
    """Return the inputs that options name, of 8 images where they are random."""
    return bench("inputs").find_inputs(args, bench("inputs").Output(quiet=True), 8)


def int8_model(bench, folder):
    """Return a small net as all engines get it, with 8 calibration images."""
    args = options(bench, "--random-weights", "--calibration-images", "8")
    inputs = found_inputs(bench, args)
    folder.mkdir()
    calibration = bench("inputs").calibration_images(args, inputs)
    model = inputs.write(folder)
    return bench("engines").replace(model, precision="int8", calibration=calibration), inputs


def compared(folder, *args):
    """Run bench/engines.py, keep nothing of it, and return its document and what it printed."""
    command = [sys.executable, str(ROOT / "bench" / "engines.py"), "--threads", "1", "--rounds", "1", *args]
    target = folder / "figures.json"
    done = subprocess.run(
        [*command, "--json", str(target)], capture_output=True, text=True, timeout=400, check=False,
        env=os.environ | {"TMPDIR": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(target.read_text()), done.stdout


@pytest.mark.slow
def test_engines_in_8_bits_stand_beside_f32_with_their_accuracy(tmp_path):
    document, printed = compared(
        tmp_path, "--net", str(GLYPHS_NET), "--images", "20", "--batches", "10", "--precision", "f32,int8",
        "--engines", "xdn,onnxruntime,openvino,opencv", "--calibration-images", "32",
    )  # fmt: skip
    figures = document["engines"]
    assert document["precision"] == "f32,int8"
    assert {"xdn", "xdn int8", "onnxruntime", "onnxruntime int8"} <= set(figures)
    assert "no quantizer" in document["missing"]["opencv int8"]
    # NNCF is not installed everywhere; where OpenVINO is, something is said of it.
    assert "openvino int8" in figures or "no package nncf" in document["missing"]["openvino int8"] or (
        "openvino" in document["missing"]
    )  # fmt: skip
    for name, own in figures.items():
        assert own["correct"] > 14
        assert own["top1_percent"] == pytest.approx(100 * own["correct"] / 20)
        if own["precision"] == "int8":
            assert 1e-6 < own["largest_difference"] < 0.5
            assert own["labels_as_f32"] >= 18
            for key in ("total_s", "own_form_s"):
                assert own[f"ratio_f32_{key}"] == pytest.approx(own[key] / figures["xdn"][key])
                assert own[f"ratio_{key}"] == pytest.approx(own[key] / figures["xdn int8"][key])
            assert name in printed
    assert document["ratio"]["total_s"]["engine"] in {"onnxruntime", "openvino", "opencv"}
    assert document["ratio_int8"]["total_s"]["engine"] in {"onnxruntime int8", "openvino int8"}
    assert "ratio, best other / xdn int8, contest, s" in printed


@pytest.mark.slow
def test_single_images_in_8_bits_without_labels_are_compared_with_the_labels_of_f32(tmp_path):
    document, _ = compared(
        tmp_path, "--net", str(LENET), "--random-weights", "--mode", "latency", "--random-images", "8",
        "--precision", "int8,f32", "--engines", "xdn,onnxruntime", "--calibration-images", "16",
    )  # fmt: skip
    assert document["precision"] == "f32,int8"
    for name in ("xdn int8", "onnxruntime int8"):
        own = document["engines"][name]
        assert own["latency_ms"] > 0
        assert 6 <= own["labels_as_f32"] <= 8
        assert "correct" not in own
    assert document["ratio_int8"]["latency_ms"]["engine"] == "onnxruntime int8"


def test_a_quantized_net_is_made_once_for_a_net_and_images(bench, kept, monkeypatch, tmp_path):
    pytest.importorskip("onnxruntime")
    engine, quantized = bench("engine").engine_class("onnxruntime"), bench("quantized")
    model, inputs = int8_model(bench, tmp_path / "first")
    made = engine.made(model, 1)
    images, expected = inputs.sample()
    made.configure(len(images), made.variants[0])
    (outputs,) = made.infer([made.convert(images)])
    assert 0 < np.abs(outputs - expected).max() < 0.2
    calls = []
    monkeypatch.setattr(quantized, "output_of", lambda *args: calls.append(args))
    again, _ = int8_model(bench, tmp_path / "second")
    engine.prepare(again)
    assert not calls
    files = [each.int8_folder("onnxruntime") / "net.onnx" for each in (model, again)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert [path.name.partition("-")[0] for path in quantized.kept_folder().iterdir()] == ["onnxruntime"]
    # Other images may give other scales.
    changed = bench("engines").replace(again, calibration=again.calibration[:4], folder=tmp_path / "second")
    again.int8_folder("onnxruntime").rename(tmp_path / "aside")
    engine.prepare(changed)
    assert len(calls) == 1


def test_xdn_calibrates_the_net_for_itself(bench, tmp_path):
    model, inputs = int8_model(bench, tmp_path / "model")
    net = bench("engine_xdn").calibrated(model.read_net(), model)
    weighted = [layer for layer in net.layers if layer.type in ("Convolution", "InnerProduct")]
    assert weighted
    for layer in weighted:
        assert all(isinstance(each, Quantized) for each in layer.quantized)
        assert len(layer.quantized) == len(layer.bottoms)
    images, expected = inputs.sample()
    engine = bench("engine").engine_class("xdn").made(model, 1)
    engine.configure(len(images), "default")
    (outputs,) = engine.infer([engine.convert(images)])
    reference = net.with_batch(len(images)).forward({model.input_name: engine.convert(images)})[model.output_name]
    np.testing.assert_allclose(outputs, reference, rtol=1e-5, atol=1e-6)
    assert np.abs(outputs - expected).max() > 1e-6


def test_without_its_quantizer_an_engine_is_missing_in_8_bits_alone(bench, kept, monkeypatch, tmp_path):
    real = metadata.version

    def version(distribution):
        if distribution in ("nncf", "openvino"):
            if distribution == "openvino":
                return "1.0"
            raise metadata.PackageNotFoundError(distribution)
        return real(distribution)

    monkeypatch.setattr(metadata, "version", version)
    model, _ = int8_model(bench, tmp_path / "model")
    entered = entrants(bench, ["openvino", "torch"], model)
    assert entered.engines == {}
    assert entered.missing["openvino int8"].startswith("missing: no package nncf")
    assert "pip install nncf" in entered.missing["openvino int8"]
    assert entered.missing["torch int8"] == "cannot run this net: no quantizer is called for it"


def test_a_quantizer_that_fails_says_so(bench, kept, tmp_path):
    pytest.importorskip("onnxruntime")
    model, _ = int8_model(bench, tmp_path / "model")
    (model.folder / "net.onnx").write_bytes(b"no net")
    entered = entrants(bench, ["onnxruntime"], model)
    assert entered.engines == {}
    assert entered.missing["onnxruntime int8"].startswith(
        "cannot run this net: onnxruntime: a process ended with exit code 1"
    )
    assert list(bench("quantized").kept_folder().iterdir()) == []


def test_calibration_images_are_spread_over_the_training_images(bench):
    args = options(bench, "--data", "glyphs10", "--images", "5", "--calibration-images", "7", net=GLYPHS_NET)
    images = bench("inputs").calibration_images(args, found_inputs(bench, args))
    data = find_dataset("glyphs10", "train")
    places = [place * len(data) // 7 for place in range(7)]
    np.testing.assert_array_equal(images, np.concatenate([data.images(i, i + 1) for i in places]))


def test_calibration_images_come_from_the_packed_file_or_the_one_that_is_named(bench, tmp_path):
    packed = tmp_path / "test.packed"
    pack(find_dataset("glyphs10", "test"), packed)
    given = ("--data", str(packed), "--images", "5", "--calibration-images", "3")
    args = options(bench, *given, net=GLYPHS_NET)
    inputs = found_inputs(bench, args)
    own, count = bench("inputs").calibration_images(args, inputs), len(PackedData.open(packed))
    np.testing.assert_array_equal(own[-1], PackedData.open(packed).images(2 * count // 3, 2 * count // 3 + 1)[0])
    named = options(bench, *given, "--calibration", "glyphs10", net=GLYPHS_NET)
    others = bench("inputs").calibration_images(named, inputs)
    np.testing.assert_array_equal(others[0], find_dataset("glyphs10", "train").images(0, 1)[0])


def test_random_images_are_calibrated_by_other_random_ones_of_one_size(bench):
    args = options(bench, "--random-weights", "--calibration-images", "8")
    inputs = found_inputs(bench, args)
    images = bench("inputs").calibration_images(args, inputs)
    assert images.shape == inputs.images.shape == (8, 28, 28, 1)
    assert (images != inputs.images).any()
    named = options(bench, "--random-weights", "--calibration", "glyphs10")
    with pytest.raises(DataError, match=r"\(32, 32, 3\), the others \(28, 28, 1\)"):
        bench("inputs").calibration_images(named, inputs)
