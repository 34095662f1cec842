"""Which frontend reads a file, what it is told, and what a format takes that joins them."""

import subprocess
import sys
from pathlib import Path

import pytest

import xdn
from xdn import api
from xdn.errors import ParseError, SettingError, UnsupportedError, WeightsError
from xdn.frontend import FRONTENDS, Frontend, find_weights, frontend_of
from xdn.frontend.caffe import Caffe
from xdn.graph import Layer, Net
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.input import Input
from xdn.registry import Registry

PROTOTXT = """name: "n" input: "data" input_shape { dim: 1 dim: 2 }
    layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 3 } }"""

#: All that a new format needs: one module in the frontend's folder.
ONE_FILE = """
from xdn.frontend.formats import FRONTENDS, Frontend
from xdn.graph import Layer, Net
from xdn.layers.input import Input

@FRONTENDS.register(".single")
class Single(Frontend):
    "A net of one input."

    def read(self, path, weights, reading):
        return Net("single", (Layer("in", Input(((1, 2),)), (), ("data",)),))
"""


class Tiny(Frontend):
    """A fully connected layer: its file says how many features it reads."""

    options = ("input_shape",)

    def read(self, path, weights, reading):
        shape = reading.input_shape or (int(path.read_text()),)
        layers = (
            Layer("in", Input(((1, *shape),)), (), ("data",)),
            Layer("ip", InnerProduct(num_output=3), ("data",), ("ip",)),
        )
        return Net(path.stem if weights is None else weights.read_text(), layers)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Return a file that Tiny reads, which is registered while the test runs."""
    registry = Registry("format of nets")
    registry.register(".prototxt")(Caffe)
    registry.register(".tiny", ".tflite")(Tiny)
    monkeypatch.setattr("xdn.frontend.formats.FRONTENDS", registry)
    path = tmp_path / "small.tiny"
    path.write_text("4")
    return path


def test_a_format_of_its_own_is_loaded_by_its_suffix(tiny):
    net = xdn.load(tiny)
    assert (net.name, net.inputs["data"].shape) == ("small", (1, 4))
    assert not net.has_weights
    tiny.with_suffix(".weights").write_text("renamed")
    assert xdn.load(str(tiny), str(tiny.with_suffix(".weights"))).name == "renamed"
    assert xdn.load(tiny, random_weights=True, seed=1).layer("ip").weights["weight"].shape == (3, 4)


def test_what_a_format_need_not_say(tiny):
    assert find_weights(tiny) is None
    assert frontend_of(tiny).declared_batch(tiny, "TRAIN") == 0
    assert api.compared_with_labels(tiny) == ()
    assert [layer.name for layer in api.summary(tiny).layers] == ["in", "ip"]


def test_an_option_that_a_format_does_not_know(tiny):
    assert xdn.load(tiny, input_shape=(7,), phase="TEST", stages=()).inputs["data"].shape == (1, 7)
    with pytest.raises(SettingError, match=r"small\.tiny: nets of this format do not know partial weights"):
        xdn.load(tiny, partial_weights=True)
    with pytest.raises(SettingError, match="do not know phase"):
        api.summary(tiny, phase="TRAIN")
    with pytest.raises(TypeError, match="pahse"):
        xdn.load(tiny, pahse="TRAIN")


def test_weights_and_random_weights_exclude_each_other(tiny):
    with pytest.raises(WeightsError, match="both weights and random weights"):
        xdn.load(tiny, tiny, random_weights=True)


def test_a_frontend_comes_before_what_is_said_of_a_foreign_suffix(tiny):
    assert isinstance(frontend_of(Path("net.tflite")), Tiny)
    assert isinstance(frontend_of(Path("NET.TFLITE")), Tiny)


def test_one_new_file_is_found(tmp_path):
    """In a process of its own: what registers there stays registered."""
    (tmp_path / "single.py").write_text(ONE_FILE)
    code = (
        f"import xdn, xdn.api, xdn.frontend; xdn.frontend.__path__.append({str(tmp_path)!r})\n"
        "print(xdn.load('some.single').name, dict(xdn.api.registries()['format of nets'])['.single'])"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout == "single A net of one input.\n"


@pytest.mark.parametrize("name", ["net.prototxt", "net.PROTOTXT", "net.txt", "net", "net.prototxt.bak", "net.pt"])
def test_caffes_texts_go_by_any_name(tmp_path, name):
    path = tmp_path / name
    path.write_text(PROTOTXT)
    assert xdn.load(path).name == "n"


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        ("net.pb", "TensorFlow"),
        ("net.tflite", "TensorFlow Lite"),
        ("net.pth", "PyTorch"),
        ("net.h5", "HDF5"),
        ("net.caffemodel.h5", "HDF5"),
        ("net.PB", "TensorFlow"),
    ],
)
def test_a_format_that_is_not_read(tmp_path, name, format_name):
    path = tmp_path / name
    path.write_bytes(b"\x08\x07\x00")
    for read in (xdn.load, api.summary, xdn.Session, find_weights):
        with pytest.raises(UnsupportedError, match=rf"{name}: .*{format_name}, .* not read.*\.prototxt.*--weights"):
            read(path)


def test_what_pytorch_saves(tmp_path):
    path = tmp_path / "net.pt"
    path.write_bytes(b"PK\x03\x04\0\0\x08\x08")
    with pytest.raises(UnsupportedError, match="PyTorch, whose nets are not read"):
        xdn.load(path)
    with pytest.raises(ParseError, match="no such file"):
        xdn.load(tmp_path / "gone.pt")


def test_every_format_says_what_it_is():
    assert ".prototxt" in dict(FRONTENDS.describe())
    assert all(description for _, description in FRONTENDS.describe())
