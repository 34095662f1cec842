import numpy as np
import pytest
from onnx import helper

from tests.frontend.onnx.read.onnx_models import check, check_node, check_refused, f32, model_of, one_node
from xdn.errors import UnsupportedError
from xdn.frontend.onnx.read.net import net_of


def test_gemm():
    assert check_node("Gemm", (2, 4), {"w": f32(4, 3), "b": f32(3)}) == ["InnerProduct"]
    check_node("Gemm", (2, 4), {"w": f32(3, 4)}, transB=1, alpha=0.5)
    check_node("Gemm", (2, 4), {"w": f32(3, 4), "b": f32(3)}, transB=1)
    check_node("Gemm", (2, 4), {"w": f32(4, 3), "b": f32(1, 3)}, beta=0.25)
    check_node("Gemm", (2, 4), {"w": f32(4, 3), "b": f32()})
    check_refused("Gemm", (4, 4), {"w": f32(4, 3), "b": f32(4, 3)}, reason="differs from image to image")
    check_refused("Gemm", (4, 4), {"w": f32(4, 3)}, transA=1, reason="transposed")


def test_matmul_along_the_last_axis():
    assert check_node("MatMul", (2, 4), {"w": f32(4, 3)}) == ["InnerProduct"]
    check_node("MatMul", (2, 5, 4), {"w": f32(4, 3)})
    check_refused("MatMul", (2, 5, 4), {"w": f32(2, 4, 3)}, reason="its inputs are of shapes")


def _of_two(op, *shapes, **attributes):
    """Return a model of one node that reads inputs of these shapes."""
    names = [f"x{number}" for number in range(len(shapes))]
    node = helper.make_node(op, names, ["y"], **attributes)
    return model_of([node], dict(zip(names, shapes, strict=True)))


@pytest.mark.parametrize("shapes", [[(2, 4, 5), (2, 5, 3)], [(2, 3, 4, 5), (2, 3, 5, 6)], [(2, 3, 4, 5), (2, 1, 5, 6)]])
def test_matmul_of_two_blobs(shapes):
    net = check(_of_two("MatMul", *shapes))
    assert [layer.type for layer in net.layers[2:]] == ["MatMul"]


def test_gemm_of_two_blobs():
    """The second one's axis 0 is no batch, and stays what the model says."""
    net = net_of(_of_two("Gemm", (4, 2), (3, 4), (2, 3), transA=1, transB=1, alpha=0.5, beta=2.0), "model")
    assert [layer.type for layer in net.layers[3:]] == ["MatMul", "Eltwise"]
    a, b, c = (f32(*blob.shape, seed=seed) for seed, blob in enumerate(net.inputs.values()))
    found = net.forward({"x0": a, "x1": b, "x2": c})["y"]
    np.testing.assert_allclose(found, 0.5 * a.T @ b.T + 2 * c, rtol=1e-6)
    assert [layer.type for layer in net_of(_of_two("Gemm", (2, 4), (4, 3)), "model").layers[2:]] == ["MatMul", "Power"]


def test_gemm_of_one_batch():
    """Where the model states it, images may be mixed: transposed beside a constant, or by a third input."""
    model = _of_two("Gemm", (2, 4), (4, 3), (1, 3))
    check(model, batches=())
    check(one_node("Gemm", (4, 2), {"w": f32(4, 3), "c": f32(2, 3)}, transA=1, alpha=0.5, beta=2.0), batches=())


def test_vectors():
    """A vector is a row before a matrix and a column after it; constants may have more axes, as their batch is one."""
    for shape, constant in (((3,), (3,)), ((2, 4, 3), (3,)), ((3,), (2, 3, 4)), ((2, 1, 4, 3), (5, 3, 4))):
        check(one_node("MatMul", shape, {"w": f32(*constant)}), batches=())


def test_a_constant_times_a_blob():
    model = model_of([helper.make_node("MatMul", ["w", "x"], ["y"])], {"x": (2, 3, 4, 5)}, {"w": f32(6, 4)})
    assert [layer.type for layer in check(model).layers[1:]] == ["Permute", "InnerProduct", "Permute"]
    model = model_of([helper.make_node("MatMul", ["w", "x"], ["y"])], {"x": (4, 5)}, {"w": f32(6, 4)})
    assert net_of(model, "model").blobs["y"].shape == (6, 5)
    model = model_of([helper.make_node("MatMul", ["w", "x"], ["y"])], {"x": ("n", 5)}, {"w": f32(6, 1)})
    with pytest.raises(UnsupportedError, match=r"its inputs are of shapes \(6, 1\) and \(1, 5\)"):
        net_of(model, "model")
