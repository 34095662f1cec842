"""Unary against PyTorch, and at the values where functions jump."""

import warnings

import numpy as np
import pytest

from tests.layers.oracles import check_carried, check_layer, normal
from tests.pytorch import torch
from xdn.layers.unary import NAMES, Unary


@pytest.mark.parametrize("operation", NAMES)
def test_reference(rng, operation):
    x = normal(rng, 2, 3, 4)
    # ACOSH is defined from 1 on, others between -1 and 1.
    x = np.abs(x) + 1 if operation == "ACOSH" else np.clip(x, -0.9, 0.9)
    expected = getattr(torch, NAMES[operation])(torch.from_numpy(x)).float().numpy()
    check_layer(Unary(operation=operation), [x], expected)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("ROUND", [-2, 0, 0, 2, 2]),
        ("FLOOR", [-2, -1, 0, 1, 2]),
        ("CEIL", [-1, 0, 1, 2, 3]),
        ("TRUNC", [-1, 0, 0, 1, 2]),
        ("SIGN", [-1, -1, 1, 1, 1]),
        ("IS_NAN", [0, 0, 0, 0, 0]),
    ],
)
def test_halves(operation, expected):
    x = np.float32([-1.5, -0.5, 0.5, 1.5, 2.5])
    check_layer(Unary(operation=operation), [x], np.float32(expected), roundings=0)
    assert Unary(operation=operation).jumps(1)
    assert not Unary(operation="SIN").jumps(1)


def test_what_is_not_defined_is_not_a_number():
    for operation in ("ASIN", "ACOS", "ATANH"):
        (found,) = Unary(operation=operation).reference([np.float32([2])], {}, 1)
        assert np.isnan(found).all()
    np.testing.assert_array_equal(Unary(operation="IS_NAN").reference([np.float32([np.nan, 1])], {}, 1)[0], [1, 0])


def test_channels_stay(rng):
    check_carried(Unary(operation="SIN"), [normal(rng, 2, 3, 4)], rng)


def test_tensors_that_are_trained_make_no_warning():
    x = torch.ones(3, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = Unary(operation="FLOOR").computed(torch, [x], {}, 1)
    assert found.requires_grad
