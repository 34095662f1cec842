"""Reduction against PyTorch and ONNX Runtime."""

import numpy as np
import pytest

from tests.layers.oracles import FEW, check_carried, check_layer, check_needs_every_position, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.reduction import Reduction

TERMS = {"SUM": lambda x: x, "ASUM": torch.abs, "SUMSQ": torch.square, "MEAN": lambda x: x}
ONNX = {"SUM": "ReduceSum", "ASUM": "ReduceL1", "SUMSQ": "ReduceSumSquare", "MEAN": "ReduceMean"}


@pytest.mark.parametrize("coeff", [1.0, -0.3])
@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -4])
@pytest.mark.parametrize("operation", ["SUM", "ASUM", "SUMSQ", "MEAN"])
def test_reference(rng, operation, axis, coeff):
    params = Reduction(operation=operation, axis=axis, coeff=coeff)
    x = normal(rng, 2, 3, 4, 5)
    axes = tuple(range(axis % 4, 4))
    terms = TERMS[operation](torch.from_numpy(x).double())
    reduced = torch.mean if operation == "MEAN" else torch.sum
    # A sum of n terms errs by a rounding each, relative to the sum of their magnitudes; then mean and coefficient.
    count = x[(0,) * (axis % 4)].size
    magnitude = abs(coeff) * reduced(terms.abs(), dim=axes).numpy()
    bound = {"roundings": count + FEW, "magnitude": magnitude}
    check_layer(params, [x], coeff * reduced(terms, dim=axes).numpy(), **bound)
    # The newest of them takes its axes as a second input.
    given = {"inputs": [x, np.array(axes)]} if operation == "SUM" else {"inputs": [x], "axes": axes}
    check_layer(params, [x], coeff * run_onnx(ONNX[operation], keepdims=0, **given), **bound)


@pytest.mark.parametrize(("operation", "expected"), [("SUM", 2), ("ASUM", 8), ("SUMSQ", 34), ("MEAN", 1)])
def test_by_hand(operation, expected):
    (top,) = compute(Reduction(operation=operation, coeff=0.5), [np.array([5, -3], np.float32)])
    assert top.shape == ()
    assert top == expected / 2


def test_limits():
    x = np.array([[np.inf, 1], [-np.inf, 1], [np.inf, -np.inf], [np.nan, 1], [3e38, 3e38]], np.float32)
    for operation, expected in (
        ("SUM", [np.inf, -np.inf, np.nan, np.nan, np.inf]),
        ("ASUM", [np.inf, np.inf, np.inf, np.nan, np.inf]),
        ("SUMSQ", [np.inf, np.inf, np.inf, np.nan, np.inf]),
    ):
        with np.errstate(over="ignore", invalid="ignore"):
            (top,) = compute(Reduction(operation=operation, axis=1), [x])
        np.testing.assert_array_equal(top, np.array(expected, np.float32))


def test_what_does_not_fit_is_refused():
    for axis in (2, -3):
        with pytest.raises(ShapeError, match="axis"):
            Reduction(axis=axis).infer([Blob((2, 3))], 1)
    with pytest.raises(ShapeError, match="exactly one"):
        Reduction().infer([Blob((1, 2))] * 2, 1)


@pytest.mark.parametrize("axis", [2, 3, -1])
@pytest.mark.parametrize("operation", ["SUM", "ASUM", "SUMSQ", "MEAN"])
def test_channels_are_carried_where_they_are_kept(rng, operation, axis):
    check_carried(Reduction(operation=operation, axis=axis), [normal(rng, 2, 4, 3, 3)], rng)


@pytest.mark.parametrize(("shape", "axis"), [((2, 4, 3, 3), 0), ((2, 4, 3, 3), 1), ((2, 4), -1), ((4,), 0)])
def test_without_channels_they_are_fixed(rng, shape, axis):
    """The top has no axis of channels, and every channel enters it."""
    params, x = Reduction(axis=axis), normal(rng, *shape)
    assert params.channel_rule_for([Blob(shape)]) is ChannelRule.FIXED
    (before,) = compute(params, [x])
    assert before.ndim < 2
    for channel in range(4):
        moved = x.copy()
        moved[(slice(None),) * (x.ndim > 1) + (channel,)] += 3
        (after,) = compute(params, [moved])
        assert (after != before).all()


def test_every_position_counts():
    for axis in range(4):
        check_needs_every_position(Reduction(axis=axis), [Blob((2, 3, 7, 5))])
