"""Products of blobs, and choices between them, in ONNX: MatMul, Where."""

from onnx import TensorProto

from xdn.frontend.onnx.emit.base import EMITTERS, Emission
from xdn.graph import LayerParams
from xdn.layers.matmul import MatMul


@EMITTERS.register("MatMul")
def matmul(out: Emission, params: MatMul) -> None:
    """MatMul, of bottoms that are transposed before where the layer says so."""
    inputs = []
    for number, transposed in enumerate((params.transpose_a, params.transpose_b)):
        source = out.bottoms[number]
        if transposed:
            *order, rows, columns = range(len(out.bottom(number).shape))
            source = out.step("Transpose", [source], f"turned{number}", perm=[*order, columns, rows])
        inputs.append(source)
    out.top("MatMul", inputs)


@EMITTERS.register("Where")
def where(out: Emission, params: LayerParams) -> None:
    """Where, by whether the condition is 0."""
    condition, a, b = out.bottoms
    truth = out.step("Cast", [condition], "truth", to=TensorProto.BOOL)
    out.top("Where", [truth, a, b])
