"""Embed against PyTorch and ONNX Runtime."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, compute, run_onnx, weights_for
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.embed import Embed


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 3, 4)])
def test_reference(rng, shape, bias):
    params = Embed(num_output=6, input_dim=9, bias_term=bias)
    numbers = rng.integers(0, 9, shape)
    bottom = numbers.astype(np.float32)
    weights = weights_for(params, [bottom], rng)
    assert list(weights) == ["weight", *["bias"] * bias]
    offset = weights["bias"] if bias else np.float32(0)
    # Rows are copied; the sum with the bias is one rounding, the same everywhere.
    bound = {"weights": weights, "roundings": 0}
    rows = torch.nn.functional.embedding(torch.from_numpy(numbers), torch.from_numpy(weights["weight"]))
    check_layer(params, [bottom], rows.numpy() + offset, **bound)
    check_layer(params, [bottom], run_onnx("Gather", [weights["weight"], numbers]) + offset, **bound)


def test_numbers_are_cut_off_and_kept_within_the_table():
    """Caffe reads whatever lies beyond; a fraction it cuts off."""
    bottom = np.array([0.9, 2.999, -0.5, -7, 3, 1e30, np.inf, -np.inf, np.nan], np.float32)
    weights = {"weight": np.arange(3, dtype=np.float32).reshape(3, 1)}
    (top,) = compute(Embed(num_output=1, input_dim=3, bias_term=False), [bottom], weights)
    assert top.ravel().tolist() == [0, 2, 0, 0, 2, 2, 2, 0, 0]


def test_a_table_longer_than_f32_can_count():
    """The last row's number is not an f32; the nearest one lies beyond the table."""
    rows = 1 << 25
    weights = {"weight": np.broadcast_to(np.float32(5), (rows, 1))}
    (top,) = Embed(num_output=1, input_dim=rows, bias_term=False).reference([np.float32([rows])], weights, 1)
    assert top.tolist() == [[5]]


@pytest.mark.parametrize("fields", [{}, {"num_output": 3}, {"input_dim": 3}])
def test_extents_must_be_given(fields):
    with pytest.raises(ShapeError, match=r"num_output .* and input_dim .*positive"):
        Embed(**fields).infer([Blob((2,))], 1)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="elements"):
        Embed(num_output=1 << 20, input_dim=1 << 20).infer([Blob((2,))], 1)
    with pytest.raises(ShapeError, match="exactly one"):
        Embed(num_output=2, input_dim=3).infer([Blob((2,))] * 2, 1)


def test_channels_are_fixed():
    """The bottom holds numbers, no features: whatever its axis 1 is, removing part of it means something else."""
    for shape in ((2,), (2, 3), (2, 3, 4)):
        assert Embed(num_output=2, input_dim=3).channel_rule_for([Blob(shape)]) is ChannelRule.FIXED
