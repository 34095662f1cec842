import contextlib
from types import MappingProxyType

import numpy as np
import onnx
import pytest
from onnx import helper

import xdn
from tests.frontend.onnx.read.onnx_models import check, f32, model_of
from xdn.errors import NetError, ShapeError, UnsupportedError
from xdn.frontend.onnx.read.net import net_of
from xdn.frontend.onnx.writer import to_onnx

SHIPPED = ["lenet", "resnet20", "googlenet", "mobilenet_v2", "mobilenet_v3_small", "squeezenet_v1.1"]


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_written_is_read_again(name):
    net = xdn.load(f"prototxt/{name}/deploy.prototxt", random_weights=True)
    again = net_of(to_onnx(net), name)
    assert again.outputs == net.outputs
    (blob,) = net.inputs
    x = np.random.default_rng(0).standard_normal(net.inputs[blob].shape).astype(np.float32)
    wanted, found = net.forward({blob: x}), again.forward({blob: x})
    for output in net.outputs:
        largest = np.abs(wanted[output]).max()
        np.testing.assert_allclose(found[output], wanted[output], rtol=0, atol=1e-5 * largest)


def test_a_session_runs_it():
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Add", ["b", "x"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["d"]),
        helper.make_node("Flatten", ["d"], ["y"]),
    ]
    net = check(model_of(nodes, {"x": ("n", 4, 6, 6)}, {"w": f32(4, 4, 3, 3)}))
    x = np.random.default_rng(0).standard_normal((5, 4, 6, 6)).astype(np.float32)
    (found,) = xdn.Session(net).run(None, {"x": x})
    np.testing.assert_allclose(found, net.with_batch(5).forward({"x": x})["y"], rtol=1e-4, atol=1e-4)


def test_all_nodes_that_cannot_be_read_are_named():
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="first"),
        helper.make_node("Erfinv", ["a"], ["b"], name="second"),
        helper.make_node("Relu", ["b"], ["c"], name="third"),
        helper.make_node("LRN", ["a"], ["d"], name="fourth", size=4),
        helper.make_node("Fancy", ["a"], ["y"], name="fifth", domain="com.example"),
    ]
    with pytest.raises(UnsupportedError) as error:
        net_of(model_of(nodes, {"x": (1, 3, 4, 4)}), "net.onnx")
    message = str(error.value)
    assert "net.onnx: 3 nodes cannot be read, of Erfinv (1), Fancy (1), LRN (1)" in message
    assert "node 'second' (Erfinv)\n" in message
    assert "node 'fourth' (LRN): its size is 4" in message
    assert "node 'fifth' (Fancy) of com.example" in message
    assert "first" not in message
    assert "third" not in message


def test_operators_are_counted_whatever_nodes_are_called():
    nodes = [helper.make_node("Erfinv", ["x"], ["y"], name="block (1) of 2")]
    with pytest.raises(UnsupportedError, match=r"1 nodes cannot be read, of Erfinv \(1\):"):
        net_of(model_of(nodes, {"x": (1, 3)}), "m")


def test_an_output_keeps_its_name_where_another_node_is_called_so():
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="scores"),
        helper.make_node("Sigmoid", ["a"], ["scores"], name="a"),
    ]
    net = net_of(model_of(nodes, {"x": (1, 3)}, outputs=["scores"]), "m")
    assert net.outputs == ("scores",)
    assert [layer.name for layer in net.layers[1:]] == ["scores", "a"]


def test_the_mend_of_an_unknown_shape_has_what_is_known():
    model = model_of([helper.make_node("Relu", ["x"], ["y"])], {"x": ("n", 1, 48, "width")})
    with pytest.raises(ShapeError, match=r"--input-shape x=1,48,224$"):
        net_of(model, "m")


def test_inputs():
    relu = [helper.make_node("Relu", ["x"], ["y"])]
    assert net_of(model_of(relu, {"x": ("n", 3, 4)}), "m").inputs["x"].shape == (1, 3, 4)
    assert net_of(model_of(relu, {"x": (5, 3, 4)}), "m").inputs["x"].shape == (5, 3, 4)
    free = model_of(relu, {"x": ("n", 3, "h", "w")})
    with pytest.raises(ShapeError, match=r"'x': \(\?, 3, \?, \?\).*--input-shape x="):
        net_of(free, "m")
    assert net_of(free, "m", (3, 8, 9)).inputs["x"].shape == (1, 3, 8, 9)
    assert net_of(free, "m", {"x": (3, 8, 9)}).inputs["x"].shape == (1, 3, 8, 9)
    assert net_of(free, "m", MappingProxyType({"x": (3, 8, 9)})).inputs["x"].shape == (1, 3, 8, 9)
    with pytest.raises(ShapeError, match="no input 'z'"):
        net_of(free, "m", {"z": (3, 8, 9)})


def test_several_inputs_want_names():
    two = model_of([helper.make_node("Add", ["x", "z"], ["y"])], {"x": ("n", "c"), "z": ("n", "c")})
    with pytest.raises(ShapeError, match="2 inputs"):
        net_of(two, "m", (4,))
    assert net_of(two, "m", {"x": (4,), "z": (4,)}).blobs["y"].shape == (1, 4)


def test_a_default_of_an_input_is_a_constant():
    model = model_of([helper.make_node("Add", ["x", "c"], ["y"])], {"x": (1, 3), "c": (3,)}, {"c": f32(3)})
    assert list(net_of(model, "m").inputs) == ["x"]


def test_graphs_that_are_wrong():
    with pytest.raises(NetError, match="nothing before it gives 'b'"):
        net_of(model_of([helper.make_node("Relu", ["b"], ["y"])], {"x": (1, 3)}), "m")
    with pytest.raises(NetError, match="no inputs"):
        net_of(model_of([helper.make_node("Relu", ["c"], ["y"])], {}, {"c": f32(3)}), "m")
    with pytest.raises(UnsupportedError, match="the output 'y' depends on the shapes"):
        net_of(
            model_of([helper.make_node("Shape", ["x"], ["s"]), helper.make_node("Neg", ["s"], ["y"])], {"x": ("n", 3)}),
            "m",
        )


def test_shapes_of_inputs_that_a_model_states():
    """Where it states them all, they are constants; a number alone has one axis."""
    nodes = [helper.make_node("Shape", ["x"], ["y"]), helper.make_node("Size", ["x"], ["z"])]
    net = net_of(model_of(nodes, {"x": (2, 3)}, outputs=("y", "z")), "m")
    found = net.forward({"x": f32(2, 3)})
    assert (found["y"].tolist(), found["z"].tolist()) == ([2, 3], [6])


def test_an_output_that_is_a_constant():
    net = net_of(model_of([helper.make_node("Relu", ["c"], ["y"])], {"x": (1, 3)}, {"c": f32(3)}), "m")
    np.testing.assert_array_equal(net.forward({"x": f32(1, 3)})["y"], f32(3))


def test_outputs_that_are_names_of_others():
    nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Identity", ["a"], ["y"])]
    assert check(model_of(nodes, {"x": (1, 3)}, outputs=("y", "a"))).outputs == ("y", "a")


def test_a_model_that_is_mutated_gives_a_typed_error():
    """Whatever stands in the file: no other exception, and nothing endless."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Reshape", ["a", "s"], ["y"]),
    ]
    content = model_of(nodes, {"x": (1, 2, 4, 4)}, {"w": f32(2, 2, 3, 3), "s": np.int64([0, -1])}).SerializeToString()
    read = 0
    for _ in range(400):
        mutated = bytearray(content)
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            mutated[place] = rng.integers(0, 256)
        try:
            model = onnx.ModelProto.FromString(bytes(mutated))
        except Exception:
            continue
        read += 1
        with contextlib.suppress(xdn.errors.XdnError):
            net_of(model, "m")
    assert read > 100
