"""Layer types of an owner's own file: read, run, and refused with a reason."""

import re
from textwrap import dedent

import numpy as np
import pytest

from tests.conftest import ROOT
from xdn.errors import ParseError, SettingError, UnsupportedError
from xdn.frontend import load, plugins
from xdn.frontend.caffe.text import schema
from xdn.layers.base import LAYERS
from xdn.runtime.session import Session

INPUT = 'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }\n'
RELU = 'layer { name: "r" type: "ReLU" bottom: "y" top: "z" }\n'


def documented():
    """Return the example of the page on layers."""
    (code,) = re.findall(r"```python\n(import numpy.*?)```", (ROOT / "docs" / "layers.md").read_text(), re.DOTALL)
    return code


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Return a function that loads a text as a file of layer types, which are gone after the test."""
    before = set(LAYERS)
    monkeypatch.setattr(plugins, "_loaded", set())

    def take(text, name="own.py"):
        path = tmp_path / name
        path.write_text(dedent(text))
        plugins.load_layers(path)
        return path

    yield take
    LAYERS.forget(set(LAYERS) - before)
    schema.classes.cache_clear()


def net(folder, text):
    path = folder / "net.prototxt"
    path.write_text(INPUT + text + RELU)
    return load(path)


@pytest.mark.parametrize(
    "layer",
    [
        'type: "Cmap" cmap_param { height: 2 width: 4 }',
        'type: "Python" python_param { module: "m" layer: "Cmap" param_str: "{\'height\': 2, \'width\': 4}" }',
    ],
)
def test_the_documented_layer_runs(plugin, tmp_path, rng, layer):
    plugin(documented())
    found = net(tmp_path, f'layer {{ name: "c" bottom: "x" top: "y" {layer} }}\n')
    x = rng.standard_normal((2, 3), np.float32)
    (y,) = Session(found).run(None, {"x": x})
    np.testing.assert_array_equal(y, np.maximum(np.broadcast_to(x[:, :, None, None], (2, 3, 2, 4)), 0))


def test_a_file_is_taken_once(plugin):
    path = plugin(documented())
    plugins.load_layers(path)
    assert "Cmap" in LAYERS


RAW = """
    from xdn.graph import Blob
    from xdn.layers.base import CaffeLayer, Message, layer_type, proto

    @layer_type("Times")
    class Times(CaffeLayer):
        \"\"\"Times: the bottom, as often as its text says.\"\"\"

        message = Message("TimesParameter", "times_param", 30002)
        param_str: str = proto(1, "string", default="1")

        def infer(self, bottoms, n_tops):
            return (Blob(bottoms[0].shape),)

        def reference(self, bottoms, weights, n_tops):
            return (bottoms[0] * len(self.param_str.split(",")),)
"""


def test_the_text_of_a_python_layer_as_it_is(plugin, tmp_path):
    plugin(RAW)
    text = 'layer { name: "c" type: "Python" bottom: "x" top: "y" python_param { layer: "Times" param_str: "a,b,c" } }'
    assert Session(net(tmp_path, text)).run(None, {"x": np.ones((2, 3), np.float32)})[0].tolist() == [[3] * 3] * 2


def test_what_a_python_layer_states_are_fields(plugin, tmp_path):
    plugin(documented())
    python = 'layer { name: "c" type: "Python" bottom: "x" top: "y" python_param { layer: "Cmap" param_str: "%s" } }'
    with pytest.raises(
        UnsupportedError, match=r"layer 'c' \(Python\): param_str: 'depth', which is not a field of 'Cmap'"
    ):
        net(tmp_path, python % "{'depth': 3}")
    with pytest.raises(UnsupportedError, match="'height' is 'tall'"):
        net(tmp_path, python % "{'height': 'tall'}")
    with pytest.raises(ParseError, match="no field 'hight'"):
        net(tmp_path, 'layer { name: "c" type: "Cmap" bottom: "x" top: "y" cmap_param { hight: 2 } }')


def test_a_python_layer_called_as_a_type_of_xdn_stays_unknown(tmp_path):
    with pytest.raises(UnsupportedError, match=r"a Python layer \(m.Softmax\).*--layer-plugin FILE.py"):
        net(
            tmp_path,
            'layer { name: "c" type: "Python" bottom: "x" top: "y" python_param { module: "m" layer: "Softmax" } }',
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise RuntimeError('no')", "it fails: RuntimeError: no"),
        ("def", "it fails: SyntaxError"),
        ("x = 1", "it registers no layer type"),
        (RAW.replace('"Times"', '"ReLU"', 1), "it fails: ValueError: layer type 'ReLU' is registered twice"),
        (RAW.replace("times_param", "pooling_param"), "the message of 'Times' takes pooling_param, which others have"),
        (RAW.replace("30002", "106"), "the message of 'Times' takes 106, which others have"),
        (RAW + "\n    raise ValueError('late')", "it fails: ValueError: late"),
    ],
)
def test_what_is_no_file_of_layer_types(plugin, text, message):
    with pytest.raises(SettingError, match=rf"own\.py: {message}"):
        plugin(text)
    assert "Times" not in LAYERS


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SettingError, match=r"none\.py: there is no such file"):
        plugins.load_layers(tmp_path / "none.py")
