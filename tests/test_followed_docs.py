"""What README and documentation tell people to do works as it is written, for photos of different sizes and formats."""

import json
import re
import shlex
import shutil
import subprocess
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.cli.caffe_files import PROTOTXT, write_small
from tests.cli.photos import FORMATS, write_net, write_photos
from tests.data.samples import write_cifar_python
from tests.pytorch import NEEDS_TORCH, needs_torch
from tests.serve.engines import serving
from tests.serve.nets import write_net as write_serving_net
from xdn import frontend, settings
from xdn.api import save_onnx
from xdn.codegen.target import host_target
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt
from xdn.graph import Bf16, Quantized
from xdn.serve.engine import LocalEngine
from xdn.serve.options import EngineOptions
from xdn.serve.repository import Repository
from xdn.session import Session

ROOT = Path(__file__).resolve().parent.parent
SOLVER = 'net: "net.prototxt" base_lr: 0.000001 random_seed: 1 xdn_param { batch_size: 4 }'
#: A net of which an image has four values.
FEATURES = """
input: "features" input_shape { dim: 1 dim: 4 }
layer { name: "scores" type: "InnerProduct" bottom: "features" top: "scores" inner_product_param { num_output: 2 } }
"""
#: Page, and the heading of the part that is followed; none for all of it.
PAGES = [
    ("README.md", "Bring your own net"),
    ("docs/bring-your-own-net.md", None),
    ("docs/data.md", None),
    ("docs/reports.md", None),
]
#: Pages with commands that do not depend on how photos are named.
OTHER_PAGES = [("docs/migration.md", None), ("docs/many-machines.md", "By hand: shards")]
#: Those among them that train, or measure for long.
LONG_PAGES = [("README.md", "Three commands"), ("docs/tutorial.md", None), ("docs/int8-speed.md", None)]


def blocks(page, heading, language):
    """Return the fenced blocks of a language in a part of a page."""
    text = (ROOT / page).read_text()
    if heading:
        text = re.split(r"^## ", text.partition(f"\n## {heading}\n")[2], flags=re.M)[0]
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    return [block for spoken, block in found if spoken == language]


def commands(page, heading):
    """Return the commands of a part of a page, each as its words."""
    text = "".join(blocks(page, heading, "")).replace("\\\n", " ")
    # How long is measured plays no part.
    lines = re.sub(r"--(seconds|budget) \d+", r"--\1 0.1", text).splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.startswith("xdn-")]


def main(name, words):
    """Run a command and return its exit code."""
    return import_module(f"xdn.cli.{name}").main(words)


def marks(page, heading):
    """Return the marks of a part of a page: some train."""
    return NEEDS_TORCH if any(name == "xdn-train" for name, *_ in commands(page, heading)) else ()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a working folder as a new user has it: net, weights and solver, photos in folders and in a list."""
    monkeypatch.setenv("XDN_DATA", str(tmp_path / "data"))
    # Random images show how fast a net is, which is not asked here.
    monkeypatch.setattr(settings, "RANDOM_IMAGES", 4)
    monkeypatch.setattr(settings, "RANDOM_S", 0.0)
    # Nor how long its layers take in chunks of many.
    monkeypatch.setattr(settings, "CHUNK_IMAGES", 2 * host_target().block_images)
    place = tmp_path / "work"
    place.mkdir()
    monkeypatch.chdir(place)
    write_photos(place / "photos")
    write_net(place / "net.prototxt", side=224)
    save_onnx(frontend.load(place / "net.prototxt", random_weights=True), place / "net.onnx")
    (place / "deploy.prototxt").write_text((place / "net.prototxt").read_text())
    (place / "solver.prototxt").write_text(SOLVER)
    return place


@pytest.mark.parametrize(
    ("page", "heading", "data"),
    [
        *(pytest.param(*page, data, marks=marks(*page)) for page in PAGES for data in ("photos/", "photos.txt")),
        *(pytest.param(*page, "photos/", marks=marks(*page)) for page in OTHER_PAGES),
        *(pytest.param(*page, "photos/", marks=(pytest.mark.slow, *marks(*page))) for page in LONG_PAGES),
    ],
    ids=lambda value: Path(value).stem if value else "",
)
def test_every_command_works_as_it_is_written(folder, page, heading, data, capsys):
    followed = commands(page, heading)
    assert followed
    for name, *words in followed:
        arguments = [data if word == "photos/" else word for word in words]
        code = main(name.removeprefix("xdn-"), arguments)
        said = capsys.readouterr()
        assert (code, said.err if code else "") == (0, ""), f"{name} {' '.join(arguments)}"
        if name == "xdn-run" and data in arguments:
            assert f"of {2 * len(FORMATS)} images" in said.out
            assert "resized to 224x224 bilinear" in said.out


@pytest.fixture(scope="module")
def cifar_cache(tmp_path_factory):
    """Return the cache of all that read these images: packed data of another CIFAR-10 lie in the user's own."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cifar_folder(tmp_path, monkeypatch, rng, cifar_cache):
    """Return a working folder with a net for CIFAR-10, of which there is a part, and all that commands read."""
    write_cifar_python(tmp_path, rng, count=130)
    monkeypatch.setenv("XDN_DATA", str(tmp_path))
    monkeypatch.setenv("XDN_CACHE", str(cifar_cache))
    net, path = write_small(tmp_path, PROTOTXT.replace("dim: 12", "dim: 32"))
    for suffix in (".prototxt", ".caffemodel"):
        path.with_suffix(suffix).rename(tmp_path / f"net{suffix}")
    save_onnx(net, tmp_path / "net.onnx")
    np.savez(tmp_path / "values.npz", data=np.zeros((2, 3, 32, 32), np.float32))
    (tmp_path / "solver.prototxt").write_text(SOLVER.replace("xdn_param {", "max_iter: 2 xdn_param { data: 'cifar10'"))
    write_photos(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    return tmp_path


#: Layers as the pages name them, of a net in which enough of each may go.
CHAIN = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 32 dim: 32 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 4 kernel_size: 3 stride: 4 } }
layer { name: "res2a" type: "Convolution" bottom: "conv1" top: "res2a"
        convolution_param { num_output: 8 kernel_size: 3 } }
layer { name: "res5a" type: "Convolution" bottom: "res2a" top: "res5a"
        convolution_param { num_output: 8 kernel_size: 3 } }
layer { name: "relu" type: "ReLU" bottom: "res5a" top: "res5a" }
layer { name: "fc" type: "InnerProduct" bottom: "res5a" top: "fc" inner_product_param { num_output: 10 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""
#: What measures many kernels, for which other tests are.
LONG = re.compile(r"--max-drop|--mixed|time=|--precision (auto|mixed)")
#: Pages whose commands read CIFAR-10.
CIFAR_PAGES = ("pruning", "training", "quantization", "precision", "tuning")


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(name, marks=marks(f"docs/{name}.md", None)) for name in CIFAR_PAGES])
def test_commands_on_cifar_work_as_they_are_written(cifar_folder, name):
    """But for sizes, times and lengths; what a page takes as given is there."""
    (cifar_folder / "net.prototxt").write_text(CHAIN)
    frontend.save(
        frontend.load(Path("net.prototxt"), random_weights=True), *map(Path, ("net.prototxt", "net.caffemodel"))
    )
    for given in ("pruned", "pretrained"):
        for suffix in (".prototxt", ".caffemodel"):
            Path(given + suffix).write_bytes(Path("net" + suffix).read_bytes())
    for block in blocks("docs/pruning.md", None, "")[1:]:
        Path("plan.prototxt").write_text(block)
    assert main("pack", ["photos/", "-o", "photos.packed", "--size", "32x32", "--quiet"]) == 0
    followed = commands(f"docs/{name}.md", None)
    assert followed
    for command, *words in followed:
        line = re.sub(r"prototxt/resnet20_cifar10\S+", "solver.prototxt --out fresh", shlex.join(words))
        line = re.sub(r"--epochs \d+", "--epochs 1", line.replace("224x224", "32x32"))
        if not LONG.search(line):
            assert main(command.removeprefix("xdn-"), shlex.split(line)) == 0, line


@pytest.mark.slow
@needs_torch
def test_the_commands_of_the_first_page_work(cifar_folder):
    """As they stand, but for sizes and times, and for engines that are not installed."""
    table = (ROOT / "docs" / "index.md").read_text().split("| step | command |")[1].split("\n\n")[0]
    followed = re.findall("`(xdn-[^`]+)`", table)
    assert len(followed) == table.count("\n| ") + 1  # One row has two.
    # A service runs until it is stopped: tests/cli/test_serve.py starts one.
    followed.remove("xdn-serve models/")
    if find_spec("openvino") is None:
        followed = [line.replace(",openvino", "") for line in followed]
    runs = [f"xdn-run net.prototxt --json {name}.json" for name in ("before", "after")]
    for line in [*runs, *followed]:
        name, *words = shlex.split(line.replace("224x224", "32x32").replace("--tune", "--tune --budget 0.1"))
        assert main(name.removeprefix("xdn-"), words) == 0, line


@needs_torch
def test_what_the_readme_makes_is_what_it_says(folder):
    for name, *words in commands(*PAGES[0]):
        assert main(name.removeprefix("xdn-"), [*words, "--quiet"]) == 0
    pruned = frontend.load(Path("pruned/deploy.prototxt"), Path("pruned/deploy.caffemodel"))
    assert pruned.input_layers[0].params.transform.mean_value == (104.0, 117.0, 123.0)
    whole = frontend.load(Path("deploy.prototxt"))
    assert pruned.layer("conv2").params.num_output < whole.layer("conv2").params.num_output
    trained = frontend.load(Path("deploy.trained/deploy.prototxt"), Path("deploy.trained/deploy.caffemodel"))
    assert trained.weight_shapes(trained.layer("conv2")) == pruned.weight_shapes(pruned.layer("conv2"))


@needs_torch
@pytest.mark.filterwarnings("ignore")  # This exporter is the old one.
def test_a_module_of_pytorch_is_exported_and_read(folder):
    import torch

    model = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3, stride=32), torch.nn.Flatten(), torch.nn.Linear(98, 2))
    exec(blocks("docs/bring-your-own-net.md", None, "python")[0], {"model": model})
    images = np.ones((2, 3, 224, 224), np.float32)
    (prob,) = Session(frontend.load(folder / "net.onnx")).run(None, {"data": images})
    np.testing.assert_allclose(prob, model(torch.from_numpy(images)).detach(), atol=1e-5)


@pytest.mark.parametrize(("page", "heading"), PAGES[:2], ids=["README", "bring-your-own-net"])
def test_the_python_of_the_pages_runs(folder, page, heading):
    block = blocks(page, heading, "python")[-1]
    names = {"images": np.zeros((3, 3, 224, 224), np.float32)}
    exec(block, names)
    if "prob" in names:
        assert names["prob"].shape == (3, 2)
    else:
        assert (folder / "net.onnx").stat().st_size > 100


def test_the_session_for_those_who_come_from_opencv_runs(folder):
    names = {"images": np.zeros((3, 3, 224, 224), np.float32)}
    exec(blocks("docs/migration.md", None, "python")[0], names)
    assert names["prob"].shape == (3, 2)


def test_the_service_of_the_tutorial_answers(folder):
    write_net(folder / "int8" / "net.prototxt", side=224)
    names = {}
    exec(blocks("docs/tutorial.md", None, "python")[0], names)
    said = names["answer"](next((folder / "photos").rglob("*.png")).read_bytes())
    assert said["class"] in (0, 1)
    assert 0.5 <= said["probability"] <= 1


@pytest.mark.serve
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_requests_of_the_page_on_serving_are_answered(tmp_path):
    """As they stand, but for the port."""
    pytest.importorskip("uvicorn", reason="needs the extra [serve]")
    write_serving_net(tmp_path, FEATURES, "net")
    engine = LocalEngine(Repository.of(tmp_path / "net.prototxt"), EngineOptions(threads=1))
    script = next(block for block in blocks("docs/serving.md", None, "sh") if "curl" in block)
    with serving(engine) as service:
        script = script.replace("localhost:8000", f"{service.host}:{service.http_port}")
        done = subprocess.run(
            ["sh", "-ec", script.replace("curl ", "curl -sS --fail ")],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    ready, told = done.stdout.split("\n", 1)
    assert ready == "200"
    (model, start), (answer, _) = read_json(told), read_json(told[read_json(told)[1] :])
    assert [each["name"] for each in model["inputs"]] == ["features"]
    assert start
    (scores,) = answer["outputs"]
    (expected,) = Session(frontend.load(tmp_path / "net.prototxt", tmp_path / "net.caffemodel")).run(
        None, {"features": np.array([[0.5, 1, -1, 2]], np.float32)}
    )
    np.testing.assert_allclose(np.reshape(scores["data"], scores["shape"]), expected, rtol=1e-6)


def read_json(text):
    """Return the value that a text begins with, and where it ends."""
    return json.JSONDecoder().raw_decode(text)


@pytest.mark.slow
def test_the_commands_of_the_page_on_fuzzing_work(tmp_path, monkeypatch):
    """But for how many inputs, and of which readers; Atheris, which runs until it is stopped, has tests of its own."""
    pytest.importorskip("resource", reason="the limits are those of POSIX")
    monkeypatch.chdir(tmp_path)
    lines = "".join(blocks("docs/fuzzing.md", None, "sh")).splitlines()
    followed = [shlex.split(line, comments=True) for line in lines if "atheris" not in line]
    assert len(followed) == 4
    for python, flag, module, *words in followed:
        assert (python, flag) == ("python", "-m")
        line = re.sub("--target all", "--target prune", re.sub(r"--count \d+", "--count 1", shlex.join(words)))
        assert import_module(module).main(shlex.split(line)) == 0, line


def test_the_lines_of_the_page_on_8_bit_integers_are_read():
    layer, residual = blocks("docs/quantization.md", None, "")[:2]
    image = 'layer { name: "%s" type: "Input" top: "%s" input_param { shape { dim: 1 dim: 64 dim: 4 dim: 4 } } }'
    inputs = "".join(image % (name, name) for name in ("conv1", "shortcut"))
    start = 'layer { name: "conv3" type: "Convolution" top: "conv3" convolution_param { num_output: 64 kernel_size: 1 }'
    net = net_from_message(prototxt.parse(f"{inputs}{layer}{start}{residual}}}"))
    assert [each.quantized for each in net.layers[2:]] == [
        (Quantized(0.0213),),
        (Quantized(0.0213), Quantized(0.04, signed=True)),
    ]


def test_the_lines_of_the_page_on_precision_are_read():
    (layer,) = (block for block in blocks("docs/precision.md", None, "") if block.startswith("layer"))
    image = 'layer { name: "conv1" type: "Input" top: "conv1" input_param { shape { dim: 1 dim: 64 dim: 4 dim: 4 } } }'
    assert net_from_message(prototxt.parse(image + layer)).layer("conv2").quantized == (Bf16(),)
