"""Products of blobs, and choices between them, in ONNX: MatMul, DotProductAttention, Where."""

import numpy as np
from onnx import TensorProto

from xdn.frontend.onnx.emit.base import EMITTERS, Emission
from xdn.graph import LayerParams
from xdn.layers.dotproductattention import DotProductAttention
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


@EMITTERS.register("DotProductAttention")
def attention(out: Emission, params: DotProductAttention) -> None:
    """Two MatMul with a Softmax between them, of bottoms whose heads lie before their steps."""
    queries, keys, values, *mask = out.bottoms
    queries, values = (out.step("Transpose", [each], f"heads_{each}", perm=[0, 2, 1, 3]) for each in (queries, values))
    keys = out.step("Transpose", [keys], "keys", perm=[0, 2, 3, 1])
    scores = out.step("MatMul", [queries, keys], "scores")
    scores = out.step("Mul", [scores, out.constant("scale", np.array(params.scale, np.float32))], "scaled")
    if mask:
        scores = out.step("Add", [scores, *mask], "masked")
    weights = out.step("Softmax", [scores], "weights", axis=-1)
    out.top("Transpose", [out.step("MatMul", [weights, values], "means")], perm=[0, 2, 1, 3])


@EMITTERS.register("Where")
def where(out: Emission, params: LayerParams) -> None:
    """Where, by whether the condition is 0."""
    condition, a, b = out.bottoms
    truth = out.step("Cast", [condition], "truth", to=TensorProto.BOOL)
    out.top("Where", [truth, a, b])
