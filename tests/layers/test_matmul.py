"""MatMul against PyTorch, ONNX Runtime and sums by hand."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.matmul import MatMul

SHAPES = [
    ((4, 5), (5, 3)),
    ((2, 4, 5), (2, 5, 3)),
    ((2, 3, 4, 5), (2, 3, 5, 6)),
    ((2, 3, 4, 5), (2, 1, 5, 6)),
    ((2, 3, 4, 5), (5, 6)),
]


@pytest.mark.parametrize(("one", "other"), SHAPES)
def test_reference(rng, one, other):
    a, b = normal(rng, *one), normal(rng, *other)
    bound = {"roundings": one[-1], "magnitude": np.matmul(np.abs(a), np.abs(b))}
    check_layer(MatMul(), [a, b], torch.matmul(torch.from_numpy(a).double(), torch.from_numpy(b).double()), **bound)
    check_layer(MatMul(), [a, b], run_onnx("MatMul", [a, b]), **bound)
    turned = MatMul(transpose_a=True, transpose_b=True)
    np.testing.assert_allclose(
        *compute(turned, [np.ascontiguousarray(each.swapaxes(-1, -2)) for each in (a, b)]),
        np.matmul(a, b),
        rtol=1e-4,
        atol=1e-5,
    )


def test_by_hand():
    a, b = np.array([[1, 2], [3, 4]], np.float32), np.array([[5, 6], [7, 8]], np.float32)
    assert compute(MatMul(), [a, b])[0].tolist() == [[19, 22], [43, 50]]
    assert compute(MatMul(transpose_a=True), [a, b])[0].tolist() == [[26, 30], [38, 44]]
    assert compute(MatMul(transpose_b=True), [a, b])[0].tolist() == [[17, 23], [39, 53]]


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(2, 3)], "it takes two"),
        ([(3,), (3, 2)], "it takes two"),
        ([(2, 3), (4, 2)], "matrices of 2 x 3 and 4 x 2: 3 is not 4"),
        ([(2, 3, 4), (3, 4, 5)], r"axes \(2,\) and \(3,\) before the matrices do not broadcast"),
    ],
)
def test_what_does_not_fit_is_refused(shapes, message):
    with pytest.raises(ShapeError, match=message):
        MatMul().infer([Blob(shape) for shape in shapes], 1)


def test_cost_and_images():
    bottoms = [Blob((2, 3, 4, 5)), Blob((2, 3, 5, 6))]
    assert MatMul().macs(bottoms, MatMul().infer(bottoms, 1)) == 2 * 3 * 4 * 5 * 6
    assert MatMul().products(bottoms) == 5
    assert not MatMul().joins_images(bottoms)
    assert MatMul().joins_images([Blob((2, 5)), Blob((5, 6))])
    assert MatMul().joins_images([Blob((2, 4, 5)), Blob((5, 6))])


def test_channels_are_fixed():
    for shapes in SHAPES:
        assert MatMul().channel_rule_for([Blob(shape) for shape in shapes]) is ChannelRule.FIXED
