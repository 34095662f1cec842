"""ArgMax against PyTorch, ONNX Runtime and a sort of pairs."""

import numpy as np
import pytest
from onnx import TensorProto

from tests.layers.oracles import check_fixed, check_layer, check_needs_every_position, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.argmax import ArgMax


def _best(values, k):
    """Return the (value, index) pairs of the k largest, as Caffe sorts them: the larger pair first."""
    return sorted(((value, index) for index, value in enumerate(values.tolist())), reverse=True)[:k]


def _along(x, axis, k, values):
    kind = 0 if values else 1
    return np.apply_along_axis(lambda row: np.array([pair[kind] for pair in _best(row, k)], np.float32), axis, x)


def _per_image(x, k, values):
    found = [list(zip(*_best(image.ravel(), k), strict=True)) for image in x]
    rows = [[indices, best] if values else [indices] for best, indices in found]
    top = np.array(rows, np.float32)
    return top.reshape(*top.shape, *(1,) * (x.ndim - 3))


@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("top_k", [1, 3])
@pytest.mark.parametrize("axis", [1, 2, 0, -1])
def test_along_an_axis(rng, axis, top_k, values):
    params = ArgMax(axis=axis, top_k=top_k, out_max_val=values)
    x = normal(rng, 3, 4, 5, 6)
    check_layer(params, [x], _along(x, axis, top_k, values), roundings=0)
    best = torch.topk(torch.from_numpy(x), top_k, dim=axis)
    check_layer(params, [x], (best.values if values else best.indices.float()).numpy(), roundings=0)


@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("top_k", [1, 4])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (3, 7), (2, 3, 4), (2, 2, 2, 2, 2)])
def test_of_an_image(rng, shape, top_k, values):
    params = ArgMax(top_k=top_k, out_max_val=values)
    x = normal(rng, *shape)
    check_layer(params, [x], _per_image(x, top_k, values), roundings=0)
    best = torch.topk(torch.from_numpy(x).flatten(1), top_k)
    (top,) = compute(params, [x])
    parts = [best.indices.float(), best.values] if values else [best.indices.float()]
    np.testing.assert_array_equal(top.reshape(shape[0], -1, top_k), torch.stack(parts, dim=1).numpy())


@pytest.mark.parametrize("axis", [1, 3])
def test_of_equal_values_the_last(rng, axis):
    x = rng.integers(-1, 2, (3, 6, 4, 5)).astype(np.float32)
    x[x == 0] *= rng.choice([-1, 1], (x == 0).sum())  # zeros of both signs are equal
    last = run_onnx("ArgMax", [x], returns=TensorProto.INT64, axis=axis, select_last_index=1)
    check_layer(ArgMax(axis=axis), [x], last.astype(np.float32), roundings=0)
    for values in (False, True):
        params = ArgMax(axis=axis, top_k=3, out_max_val=values)
        check_layer(params, [x], _along(x, axis, 3, values), roundings=0)
        check_layer(ArgMax(top_k=9, out_max_val=values), [x], _per_image(x, 9, values), roundings=0)


def test_by_hand():
    x = np.array([[1, 7, 7, 3]], np.float32)
    assert compute(ArgMax(), [x])[0].tolist() == [[[2]]]
    assert compute(ArgMax(top_k=3), [x])[0].tolist() == [[[2, 1, 3]]]
    assert compute(ArgMax(top_k=2, out_max_val=True), [x])[0].tolist() == [[[2, 1], [7, 7]]]
    assert compute(ArgMax(axis=1, top_k=2), [x])[0].tolist() == [[2, 1]]
    assert compute(ArgMax(axis=1, top_k=2, out_max_val=True), [x])[0].tolist() == [[7, 7]]


def test_limits():
    """Infinities are values; NaN comes last, where Caffe's sort leaves open where it comes."""
    x = np.array([[-np.inf, 0, np.nan, np.inf, -np.inf, 3e38]], np.float32)
    (top,) = compute(ArgMax(axis=1, top_k=6), [x])
    assert top.tolist() == [[3, 5, 1, 4, 0, 2]]
    (top,) = compute(ArgMax(), [np.full((2, 3), -np.inf, np.float32)])
    assert top.ravel().tolist() == [2, 2]


def test_what_does_not_fit_is_refused():
    for params in (ArgMax(top_k=0), ArgMax(top_k=61), ArgMax(axis=1, top_k=4), ArgMax(axis=-1, top_k=6)):
        with pytest.raises(ShapeError, match=f"top_k {params.top_k} of"):
            params.infer([Blob((2, 3, 4, 5))], 1)
    with pytest.raises(ShapeError, match="axis 4"):
        ArgMax(axis=4).infer([Blob((2, 3, 4, 5))], 1)
    with pytest.raises(ShapeError, match="axis 0"):
        ArgMax().infer([Blob(())], 1)
    with pytest.raises(ShapeError, match="exactly one"):
        ArgMax().infer([Blob((1, 2))] * 2, 1)


def test_channels_are_fixed(rng):
    check_fixed(ArgMax(axis=1, top_k=3), [normal(rng, 3, 4, 5, 5)], rng)
    for params in (ArgMax(), ArgMax(axis=2)):
        assert params.channel_rule_for([Blob((2, 3, 4, 5))]) is ChannelRule.FIXED


def test_every_position_counts():
    check_needs_every_position(ArgMax(), [Blob((2, 3, 7, 5))])
