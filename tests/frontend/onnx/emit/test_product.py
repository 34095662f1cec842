"""Products of blobs, and choices between them, in ONNX."""

import numpy as np
import pytest

from tests.frontend.onnx.onnx_checks import check_layer, check_values
from xdn.layers.dotproductattention import DotProductAttention
from xdn.layers.matmul import MatMul
from xdn.layers.where import Where


@pytest.mark.parametrize(
    ("params", "shapes"),
    [
        (MatMul(), [(2, 4, 5), (2, 5, 3)]),
        (MatMul(transpose_a=True), [(2, 3, 5, 4), (2, 3, 5, 6)]),
        (MatMul(transpose_b=True), [(2, 3, 4, 5), (2, 3, 6, 5)]),
    ],
    ids=repr,
)
def test_matmul(params, shapes):
    check_layer(params, *shapes)


@pytest.mark.parametrize("masked", [False, True])
def test_attention(masked):
    check_layer(DotProductAttention(scale=0.5), (2, 4, 3, 5), (2, 6, 3, 5), (2, 6, 3, 2), *[(2, 1, 1, 6)] * masked)


def test_where():
    condition = np.array([[0, 1, -2], [0.5, 0, np.nan]], np.float32)
    check_values(Where(), condition, np.arange(6, dtype=np.float32).reshape(2, 3), -np.ones((2, 3), np.float32))
