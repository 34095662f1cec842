"""If: the branch that a known condition chooses."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import xdn
from tests.frontend.onnx.read.onnx_models import check, f32, model_of
from xdn.errors import NetError, ParseError, UnsupportedError
from xdn.frontend.onnx.read import branch
from xdn.frontend.onnx.read.functions import read_all
from xdn.frontend.onnx.read.net import net_of


def graph_of(nodes, output, constants=None):
    given = [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()]
    end = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
    return helper.make_graph(list(nodes), "branch", [], [end], given)


def choice(condition="yes"):
    """Return a node that takes the sigmoid of `a` times a constant of its own, or hands `a` on."""
    nodes = [helper.make_node("Mul", ["a", "w"], ["b"]), helper.make_node("Sigmoid", ["b"], ["c"])]
    then = graph_of(nodes, "c", {"w": f32(1, 3)})
    other = graph_of([helper.make_node("Identity", ["a"], ["d"])], "d")
    return helper.make_node("If", [condition], ["y"], "if", then_branch=then, else_branch=other)


def then_branch(node):
    """Return the graph of a node that is taken where its condition is true."""
    return next(each.g for each in node.attribute if each.name == "then_branch")


@pytest.mark.parametrize("condition", [True, False])
def test_a_branch_is_chosen_by_a_constant(condition):
    nodes = [helper.make_node("Relu", ["x"], ["a"]), choice()]
    net = check(model_of(nodes, {"x": ("n", 3)}, {"yes": np.array([condition])}))
    assert ("Sigmoid" in [layer.type for layer in net.layers]) == condition


def test_a_branch_is_chosen_by_a_shape():
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Shape", ["a"], ["s"]),
        helper.make_node("Gather", ["s", "one"], ["width"]),
        helper.make_node("Equal", ["width", "three"], ["yes"]),
        choice(),
    ]
    constants = {"one": np.array([1]), "three": np.array([3])}
    assert "Sigmoid" in [layer.type for layer in check(model_of(nodes, {"x": ("n", 3)}, constants)).layers]


def test_a_branch_within_a_branch():
    inner = graph_of([choice("yes")], "y")
    inner.output[0].name = "z"
    inner.node[0].output[0] = "z"
    other = graph_of([helper.make_node("Neg", ["a"], ["e"])], "e")
    outer = helper.make_node("If", ["no"], ["y"], "outer", then_branch=other, else_branch=inner)
    nodes = [helper.make_node("Relu", ["x"], ["a"]), outer]
    net = check(model_of(nodes, {"x": ("n", 3)}, {"yes": np.array([True]), "no": np.array([False])}))
    assert [layer.type for layer in net.layers].count("Sigmoid") == 1


def test_names_within_a_branch_are_its_own():
    then = graph_of([helper.make_node("Add", ["x", "w"], ["a"])], "a", {"w": f32(1, 3)})
    nodes = [
        helper.make_node("If", ["yes"], ["a"], "if", then_branch=then, else_branch=then),
        helper.make_node("Mul", ["a", "w"], ["y"]),
    ]
    check(model_of(nodes, {"x": ("n", 3)}, {"yes": np.array([True]), "w": 2 + f32(1, 3)}))


def test_a_condition_that_depends_on_values_is_refused():
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Greater", ["x", "zero"], ["yes"]),
        choice(),
    ]
    with pytest.raises(UnsupportedError, match=r"node 'if' \(If\): its condition must be a constant"):
        net_of(model_of(nodes, {"x": (1, 3)}, {"zero": np.float32(0)}), "m")


def test_what_cannot_be_read_of_a_branch_is_named():
    then = graph_of([helper.make_node("Erfinv", ["a"], ["c"], "inverse")], "c")
    node = helper.make_node("If", ["yes"], ["y"], "if", then_branch=then, else_branch=then)
    model = model_of([helper.make_node("Relu", ["x"], ["a"]), node], {"x": (1, 3)}, {"yes": np.array([True])})
    with pytest.raises(UnsupportedError, match=r"node 'if' \(If\): .*node 'if.inverse' \(Erfinv\)"):
        net_of(model, "m")


def test_a_branch_with_other_outputs():
    node = choice()
    then_branch(node).output.add(name="a")
    model = model_of([helper.make_node("Relu", ["x"], ["a"]), node], {"x": (1, 3)}, {"yes": np.array([True])})
    with pytest.raises(NetError, match="it has 1 outputs, and the branch that is chosen 2"):
        net_of(model, "m")


@pytest.mark.parametrize("location", ["inside.bin", "../outside.bin"])
def test_values_of_a_branch_lie_in_the_models_folder(location, tmp_path):
    (tmp_path / "outside.bin").write_bytes(bytes(12))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "inside.bin").write_bytes(np.float32([1, 2, 3]).tobytes())
    model = model_of([helper.make_node("Relu", ["x"], ["a"]), choice()], {"x": (1, 3)}, {"yes": np.array([True])})
    (tensor,) = then_branch(model.graph.node[1]).initializer
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    onnx.save(model, folder / "net.onnx")
    if location == "inside.bin":
        y = xdn.load(folder / "net.onnx").forward({"x": np.ones((1, 3), np.float32)})["y"]
        np.testing.assert_allclose(y, 1 / (1 + np.exp(-np.float32([[1, 2, 3]]))), rtol=1e-5)
    else:
        with pytest.raises(ParseError, match="outside of the model's folder"):
            xdn.load(folder / "net.onnx")
    with pytest.raises(ParseError, match="in another file"):
        net_of(model, "m")


def test_refused_branches_are_read_once_in_each_way(monkeypatch):
    """Of any batch, and of the one that the model states, however deep they lie."""
    read, depth = [], 5
    monkeypatch.setattr(branch, "read_all", lambda node, nodes: read.append(node) or read_all(node, nodes))
    node = helper.make_node("Erfinv", ["x"], ["z0"])
    for level in range(1, depth + 1):
        then = graph_of([node], f"z{level - 1}")
        node = helper.make_node("If", ["yes"], [f"z{level}"], then_branch=then, else_branch=then)
    with pytest.raises(UnsupportedError, match="Erfinv"):
        net_of(model_of([node], {"x": (1, 3)}, {"yes": np.array([True])}, [f"z{depth}"]), "m")
    assert len(read) == 2 * depth
