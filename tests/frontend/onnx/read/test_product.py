from tests.frontend.onnx.read.onnx_models import check_node, check_refused, f32


def test_gemm():
    assert check_node("Gemm", (2, 4), {"w": f32(4, 3), "b": f32(3)}) == ["InnerProduct"]
    check_node("Gemm", (2, 4), {"w": f32(3, 4)}, transB=1, alpha=0.5)
    check_node("Gemm", (2, 4), {"w": f32(4, 3), "b": f32(1, 3)}, beta=0.25)
    check_node("Gemm", (2, 4), {"w": f32(4, 3), "b": f32()})
    check_refused("Gemm", (4, 4), {"w": f32(4, 3), "b": f32(4, 3)}, reason="differs from image to image")
    check_refused("Gemm", (4, 4), {"w": f32(4, 3)}, transA=1, reason="transposed")


def test_matmul_along_the_last_axis():
    assert check_node("MatMul", (2, 4), {"w": f32(4, 3)}) == ["InnerProduct"]
    check_node("MatMul", (2, 5, 4), {"w": f32(4, 3)})
    check_refused("MatMul", (2, 5, 4), {"w": f32(2, 4, 3)}, reason="its inputs are of shapes")
