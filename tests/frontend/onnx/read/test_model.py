import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import xdn
from tests.frontend.onnx.read.onnx_models import f32, model_of, one_node
from xdn.errors import ParseError, UnsupportedError
from xdn.frontend.onnx.read.model import read_model


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.onnx"


def test_a_model(path):
    path.write_bytes(one_node("Relu", (1, 3)).SerializeToString())
    assert read_model(path).graph.node[0].op_type == "Relu"
    assert xdn.load(path).outputs == ("y",)


@pytest.mark.parametrize("content", [b"", b"\x08\x07", b"no model at all", b"\xff" * 100])
def test_what_is_no_model(path, content):
    path.write_bytes(content)
    with pytest.raises(ParseError, match=r"net\.onnx: the file is no ONNX model"):
        read_model(path)


@pytest.mark.parametrize(("opset", "mend"), [(6, "Export it anew"), (9999, "Update the package onnx")])
def test_operator_sets_that_are_not_read(path, opset, mend):
    path.write_bytes(one_node("Relu", (1, 3), opset=opset).SerializeToString())
    with pytest.raises(UnsupportedError, match=rf"of operator set {opset}.*{mend}"):
        read_model(path)


def _external(path, location, **info):
    """Write a model whose weight lies in another file."""
    model = model_of([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": (1, 2)})
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=(2, 3), data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **info}.items():
        tensor.external_data.add(key=key, value=str(value))
    model.graph.initializer.append(tensor)
    path.write_bytes(model.SerializeToString())


def test_external_data(path):
    weight = f32(2, 3)
    (path.parent / "weights.bin").write_bytes(b"before" * 8 + weight.tobytes())
    _external(path, "weights.bin", offset=48, length=24)
    x = f32(1, 2, seed=4)
    np.testing.assert_allclose(xdn.load(path).forward({"x": x})["y"], x @ weight, rtol=1e-6)


def test_external_data_outside_of_the_folder(path, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(24))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    for location in ("../secret.bin", str(tmp_path / "secret.bin"), "link.bin", ""):
        _external(folder / "net.onnx", location)
        with pytest.raises(ParseError, match="outside of the model's folder"):
            read_model(folder / "net.onnx")


def test_external_data_that_is_not_there(path):
    _external(path, "weights.bin")
    with pytest.raises(ParseError, match="is not there"):
        read_model(path)
    (path.parent / "weights.bin").write_bytes(bytes(20))
    _external(path, "weights.bin", length=24)
    with pytest.raises(ParseError, match="after the end"):
        read_model(path)
    _external(path, "weights.bin")
    with pytest.raises(ParseError, match=r"net\.onnx"):
        xdn.load(path)


def test_weights_stand_in_the_model(path):
    path.write_bytes(one_node("Relu", (1, 3)).SerializeToString())
    with pytest.raises(xdn.errors.WeightsError, match="has its weights in itself"):
        xdn.load(path, path)


def test_the_newest_operator_set(path):
    path.write_bytes(one_node("Relu", (1, 3), opset=onnx.defs.onnx_opset_version()).SerializeToString())
    assert xdn.load(path).layers[-1].type == "ReLU"
