"""Gelu against PyTorch and ONNX Runtime, in both forms."""

import numpy as np
import pytest

from tests.layers.oracles import FEW, check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.layers.gelu import Gelu


@pytest.mark.parametrize("form", ["none", "tanh"])
def test_reference(rng, form):
    x, params = 2 * normal(rng, 2, 3, 5, 7), Gelu(approximate=form == "tanh")
    # The sum of 1 and a function of x cancels below 0: what errs is relative to 1, and its product relative to x.
    bound = {"roundings": FEW, "magnitude": np.abs(x)}
    expected = torch.nn.functional.gelu(torch.from_numpy(x).double(), approximate=form)
    check_layer(params, [x], expected.numpy(), **bound)
    check_layer(params, [x], run_onnx("Gelu", [x], opset=20, approximate=form), **bound)


def test_both_forms_differ():
    x = np.array([2], np.float32)
    ((exact,), (near,)) = (compute(Gelu(approximate=form), [x])[0] for form in (False, True))
    assert 1e-5 < abs(exact - near) < 1e-3


@pytest.mark.parametrize("approximate", [False, True])
def test_limits(approximate):
    """-infinity times 0 is NaN."""
    with np.errstate(invalid="ignore"):
        (top,) = compute(Gelu(approximate=approximate), [np.array([-np.inf, -100, 0, 100, np.inf, np.nan], np.float32)])
    np.testing.assert_array_equal(top, np.array([np.nan, 0, 0, 100, np.inf, np.nan], np.float32))


def test_channels_are_carried(rng):
    check_carried(Gelu(), [normal(rng, 2, 4, 3, 3)], rng)
