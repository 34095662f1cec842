"""The networks of `prototxt/`: text as generated, figures as stated, readable by others."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.frontend.onnx.onnx_checks import check_net
from xdn import settings
from xdn.cli.run import main as xdn_run
from xdn.data import DATASETS
from xdn.element import BF16
from xdn.frontend import load, save
from xdn.frontend.weights import random_weights
from xdn.graph.cost import net_cost
from xdn.graph.verify import verify
from xdn.kernels.core.layout import SCHEDULES
from xdn.optimize import apply_stages, stage_names
from xdn.runtime.cpu import plan
from xdn.session import Session

ROOT = Path(__file__).resolve().parent.parent
PROTOTXT = ROOT / "prototxt"
FOLDERS = sorted(path.name for path in PROTOTXT.iterdir() if path.is_dir())
SMALL = ["lenet", "resnet20", "resnet56", "resnet50_32"]
#: One for each kind of layer and window that only large nets have.
LARGE = ["squeezenet_v1.1", "mobilenet_v2", "mobilenet_v3_small", "googlenet", "densenet121"]


def prototxt_of(folder):
    """Return the only net of a shipped folder."""
    (path,) = (path for path in (PROTOTXT / folder).glob("*.prototxt") if path.name != "solver.prototxt")
    return path


def stated(folder):
    """Return row -> text of the table in a folder's README."""
    return dict(re.findall(r"^\| (.+?) \| (.*?) \|$", (PROTOTXT / folder / "README.md").read_text(), re.M))


def stated_number(folder, row):
    """Return the number that a row of the README starts with."""
    return float(re.match(r"[\d.,]+", stated(folder)[row]).group().replace(",", ""))


@pytest.fixture(scope="module")
def generated():
    """Return path -> content of what tools/make_prototxt.py writes."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import make_prototxt

        return make_prototxt.generate()
    finally:
        sys.path.remove(str(ROOT / "tools"))


def test_the_files_are_what_the_generator_writes(generated):
    found = {p.relative_to(ROOT).as_posix() for p in PROTOTXT.rglob("*") if p.suffix in (".prototxt", ".md")}
    assert found == {path for path in generated if path.startswith("prototxt/")}
    for path, content in generated.items():
        assert (ROOT / path).read_text() == content, f"run tools/make_prototxt.py: {path}"


def test_the_folder_is_what_the_program_looks_in():
    assert settings.shipped_dir() == PROTOTXT


@pytest.mark.parametrize("folder", FOLDERS)
def test_cost_is_that_of_the_readme(folder):
    net = load(prototxt_of(folder))
    verify(net)
    cost = net_cost(net)
    assert cost.macs == stated_number(folder, "MACs an image")
    assert cost.parameters == stated_number(folder, "parameters")
    assert net.outputs == ("prob",)
    assert "x".join(map(str, net.inputs["data"].shape[1:])) == stated(folder)["input"]


@pytest.mark.parametrize(("schedule", "images"), [("batch", 32), ("channel", 1)])
@pytest.mark.parametrize("folder", SMALL)
def test_an_optimized_net_executes_no_more_multiplications(folder, schedule, images):
    """Fusion takes no layer from Winograd's algorithm to the direct sums; few, with projections, from Strassen's."""
    net = load(prototxt_of(folder), random_weights=True)
    fused = apply_stages(net, stage_names())
    shapes = {name: blob.shape[1:] for name, blob in net.inputs.items()}
    alone, read, optimized = (
        Session(each, post_fusion=fusion, schedule=schedule, threads=1, precision="fma").plan(shapes, images).macs
        for each, fusion in ((net, False), (net, True), (fused, True))
    )
    assert optimized <= 1.02 * read
    assert read <= alone


# Published figures, rounded as their sources round them; parameters as the papers count them, without BatchNorm's
# statistics, are a little fewer.
@pytest.mark.parametrize(
    ("folder", "macs_millions", "parameters_millions"),
    [
        ("resnet50", 3860, 25.6),
        ("resnet50_32", 78.7, 23.5),
        ("vgg16", 15470, 138.4),
        ("mobilenet_v1", 569, 4.2),
        ("mobilenet_v2", 300, 3.5),
        ("mobilenet_v3_large", 217, 5.5),
        ("mobilenet_v3_small", 56.5, 2.54),
        ("resnet20", 41, 0.27),
        ("resnet110", 253, 1.73),
    ],
)
def test_cost_is_that_of_the_papers(folder, macs_millions, parameters_millions):
    assert stated_number(folder, "MACs an image") / 1e6 == pytest.approx(macs_millions, rel=0.005)
    assert stated_number(folder, "parameters") / 1e6 == pytest.approx(parameters_millions, rel=0.02)


@pytest.mark.parametrize("folder", SMALL + LARGE)
def test_onnx_runtime_computes_the_same(folder):
    # Up to 120 layers one after the other: their roundings add up.
    check_net(load(prototxt_of(folder), random_weights=True).with_batch(1), tolerance=1e-4)


@pytest.mark.parametrize("folder", [*SMALL, "squeezenet_v1.1", "mobilenet_v1"])
def test_opencv_reads_it_and_computes_the_same(folder, tmp_path, rng):
    net = load(prototxt_of(folder), random_weights=True).with_batch(1)
    save(net, tmp_path / "net.prototxt", tmp_path / "net.caffemodel")
    other = cv2.dnn.readNetFromCaffe(str(prototxt_of(folder)), str(tmp_path / "net.caffemodel"))
    x = rng.standard_normal(net.inputs["data"].shape).astype(np.float32)
    other.setInput(x)
    expected = net.forward({"data": x})["prob"]
    np.testing.assert_allclose(other.forward().reshape(expected.shape), expected, atol=1e-4 * expected.max())


def of_small_images(folder):
    """Return a net as it ships; VGG-16, whose windows fit any image, for images of 64x64: fewer products by far."""
    net = load(prototxt_of(folder))
    if folder == "vgg16":
        (first,) = net.input_layers
        small = replace(first.params, shape=((1, 3, 64, 64),))
        net = net.replace(layers=tuple(each.replace(params=small) if each is first else each for each in net.layers))
    return net


@pytest.mark.parametrize(
    "folder", [*SMALL, *(pytest.param(name, marks=pytest.mark.slow) for name in (*LARGE, "vgg16"))]
)
def test_in_bf16_every_layer_computes_what_its_reference_does(folder, monkeypatch):
    """Of the bottoms that it was given, in both schedules to the same bits; bf16 may differ in its last bit."""
    # By emulation, where no unit multiplies bf16.
    monkeypatch.setattr(plan, "_require_precision", lambda *_: None)
    net = apply_stages(random_weights(of_small_images(folder)), stage_names())
    images = 3 if folder in SMALL else 1
    shapes = {name: (images, *blob.shape[1:]) for name, blob in net.inputs.items()}
    rng = np.random.default_rng(7)
    feed = {name: (30 * rng.standard_normal(shape)).astype(np.float32) for name, shape in shapes.items()}
    first: dict[str, np.ndarray] = {}
    for schedule in SCHEDULES:
        session = Session(net, precision="bf16", schedule=schedule, threads=2)
        assert all(each.reads_bf16 for each in session.net.layers if each.weights)
        names = [name for each in session.net.layers if not each.params.is_input for name in each.tops]
        found = dict(zip(names, session.run(names, feed), strict=True))
        for name in session.net.outputs:
            np.testing.assert_array_equal(found[name], first.setdefault(name, found[name]))
    blobs = feed | found
    for layer in session.net.layers:
        if not layer.params.is_input:
            (expected,) = layer.forward([blobs[name] for name in layer.bottoms])
            known, given, stored = expected, blobs[layer.tops[0]], expected.dtype == BF16.numpy
            assert given.dtype == known.dtype
            if stored:
                known, given = BF16.loaded(known), BF16.loaded(given)
            # Sums of up to 4,608 products, whose roundings grow with the root of their number.
            allowed = 2e-5 * np.abs(known).max() + stored * 2.0**-7 * np.abs(known)
            assert (np.abs(given - known) <= allowed).all(), layer.place


@pytest.mark.parametrize("folder", ["resnet20_cifar10", "resnet20_glyphs10", "mobilenet_v3_cifar10"])
def test_a_trained_pair_names_its_data_and_transform(folder):
    params = load(prototxt_of(folder)).input_layers[0].params
    assert params.source == folder.rpartition("_")[2]
    assert (params.transform.scale, params.transform.mean_value) == (1 / 64, (125.3, 123.0, 113.9))


@pytest.mark.slow
@pytest.mark.parametrize("source", ["cifar10", "glyphs10"])
def test_a_trained_pair_is_as_accurate_in_bf16(source, request, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(plan, "_require_precision", lambda *_: None)
    folder = request.getfixturevalue("cifar10") if source == "cifar10" else tmp_path
    monkeypatch.setenv("XDN_DATA", str(folder))
    assert xdn_run(["--precision", "bf16", "--json", "-", "--quiet"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["precision"] == "bf16"
    # Of 10,000 images some hundred have two scores that rounding to 8 bits may swap, one way or the other.
    assert abs(result["contest"]["accuracy"]["correct"] - stated_correct(f"resnet20_{source}")) <= 20


def stated_correct(folder):
    """Return of how many of the 10,000 test images a trained pair's README says that they are right."""
    correct = re.search(r"\(([\d,]+) of the 10,000", stated(folder)["accuracy"]).group(1)
    return int(correct.replace(",", ""))


@pytest.mark.parametrize("source", ["cifar10", "glyphs10"])
def test_a_trained_pair_is_as_accurate_as_its_readme_says(source, request, monkeypatch, tmp_path, capsys):
    # Without a net named, the shipped pair that fits the data is taken.
    folder = request.getfixturevalue("cifar10") if source == "cifar10" else tmp_path
    monkeypatch.setenv("XDN_DATA", str(folder))
    assert xdn_run(["--json", "-", "--quiet"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["data"] == f"{DATASETS[source].title}, test"
    # Another order of f32 additions moves scores in the last bits: an image on the edge may change sides.
    assert abs(result["contest"]["accuracy"]["correct"] - stated_correct(f"resnet20_{source}")) <= 3


@pytest.mark.slow
def test_the_trained_mobilenet_is_as_accurate_as_its_readme_says(cifar10, monkeypatch, capsys):
    monkeypatch.setenv("XDN_DATA", str(cifar10))
    assert xdn_run([str(prototxt_of("mobilenet_v3_cifar10")), "--json", "-", "--quiet"]) == 0
    correct = json.loads(capsys.readouterr().out)["contest"]["accuracy"]["correct"]
    assert abs(correct - stated_correct("mobilenet_v3_cifar10")) <= 3
