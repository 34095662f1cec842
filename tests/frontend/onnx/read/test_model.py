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
    assert read_model(path).proto.graph.node[0].op_type == "Relu"
    assert xdn.load(path).outputs == ("y",)


@pytest.mark.parametrize("content", [b"", b"\x08\x07", b"no model at all", b"\xff" * 100])
def test_what_is_no_model(path, content):
    path.write_bytes(content)
    with pytest.raises(ParseError, match=r"net\.onnx: the file is no ONNX model"):
        read_model(path)


@pytest.mark.parametrize("name", [b"Relu", b"x", b"alpha"], ids=["operator", "blob", "attribute"])
def test_names_that_are_not_text(path, name):
    content = one_node("Relu", (1, 3), alpha=1.0).SerializeToString()
    assert name in content
    path.write_bytes(content.replace(name, b"\xff" * len(name)))
    with pytest.raises(ParseError, match=r"net\.onnx: .*not UTF-8"):
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


@pytest.mark.parametrize(
    "info",
    [{"offset": -1}, {"offset": "x"}, {"length": "9" * 30}, {"offset": 8}, {"length": 20}, {"offset": 99}],
    ids=repr,
)
def test_bounds_of_external_data(path, info):
    (path.parent / "weights.bin").write_bytes(bytes(24))
    _external(path, "weights.bin", **info)
    with pytest.raises(ParseError, match=r"net\.onnx.*'w'|net\.onnx.*is not a number|after the end"):
        read_model(path)


def test_names_of_external_data_that_no_file_has(path):
    (path.parent / "circle").symlink_to(path.parent / "circle")
    for location in ("a\0b", "n" * 5000, "circle", "."):
        _external(path, location)
        with pytest.raises(ParseError, match="tensor 'w'"):
            read_model(path)


def test_external_data_of_a_constant_node_and_of_a_type_that_is_unpacked(path):
    (path.parent / "weights.bin").write_bytes(np.array([0x3F80, 0x4000], np.uint16).tobytes())
    tensor = TensorProto(name="w", data_type=TensorProto.BFLOAT16, dims=(2,), data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="weights.bin")
    cast = [helper.make_node("Cast", [name], [f"{name}.real"], to=TensorProto.FLOAT) for name in "cw"]
    constant = helper.make_node("Constant", [], ["c"], value=tensor)
    sums = [helper.make_node("Add", ["x", "c.real"], ["s"]), helper.make_node("Mul", ["s", "w.real"], ["y"])]
    model = model_of([constant, *cast, *sums], {"x": (1, 2)})
    model.graph.initializer.append(tensor)
    path.write_bytes(model.SerializeToString())
    np.testing.assert_array_equal(xdn.load(path).forward({"x": np.zeros((1, 2), np.float32)})["y"], [[1, 4]])


def test_weights_stand_in_the_model(path):
    path.write_bytes(one_node("Relu", (1, 3)).SerializeToString())
    with pytest.raises(xdn.errors.WeightsError, match="has its weights in itself"):
        xdn.load(path, path)


def test_the_newest_operator_set(path):
    path.write_bytes(one_node("Relu", (1, 3), opset=onnx.defs.onnx_opset_version()).SerializeToString())
    assert xdn.load(path).layers[-1].type == "ReLU"
