"""Power against PyTorch, ONNX Runtime and OpenCV."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import FEW, check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.layers.power import Power

FIELDS = [
    {},
    {"scale": -2.0, "shift": 3.0},
    {"power": 2.0},
    {"power": 0.5, "scale": 0.3, "shift": 0.2},
    {"power": -1.0, "shift": 1.0},
    {"power": -1.5, "scale": 2.0, "shift": 0.1},
    {"power": 3.7},
]


@pytest.mark.parametrize("fields", FIELDS)
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape, fields):
    x = np.abs(normal(rng, *shape))
    params = Power(**fields)
    base = params.shift + params.scale * x.astype(np.float64)
    power = np.float64(np.float32(params.power))
    expected = torch.pow(torch.from_numpy(base), power).numpy()
    # Two roundings of the base's parts, relative to the base, times the power; then pow, at four.
    parts = (np.abs(params.scale * x) + abs(params.shift)) / np.abs(base)
    bound = {"roundings": FEW, "magnitude": np.abs(expected) * (1 + abs(power) * parts)}
    check_layer(params, [x], expected, **bound)
    check_layer(params, [x], run_onnx("Pow", [base.astype(np.float32), np.full(1, power, np.float32)]), **bound)
    check_layer(params, [x], run_opencv(params, [x]), **bound)


@pytest.mark.parametrize(
    ("power", "expected"),
    [(1.0, -2), (2.0, 4), (3.0, -8), (-1.0, -0.5), (-2.0, 0.25), (0.5, np.nan), (-1.5, np.nan), (0.0, 1)],
)
def test_negative_bases(power, expected):
    (top,) = compute(Power(power=power), [np.array([-2], np.float32)])
    np.testing.assert_array_equal(top, np.array([expected], np.float32))


@pytest.mark.parametrize(("power", "expected"), [(0.0, 1), (2.0, 0), (0.5, 0), (-1.0, np.inf), (-0.5, np.inf)])
def test_a_base_of_zero(power, expected):
    (top,) = compute(Power(power=power), [np.zeros(1, np.float32)])
    assert top == expected


@pytest.mark.parametrize("power", [2.0, 0.5, 3.3, -1.0, -2.5])
def test_limits(power):
    """As C's pow has them; from 1e30 on the larger powers overflow."""
    x = np.array([0, 1, 1e30, np.inf, -np.inf, np.nan], np.float32)
    (top,) = compute(Power(power=power), [x])
    expected = torch.pow(torch.from_numpy(x).double(), float(np.float32(power))).float().numpy()
    known = [0, 1, 3, 4, 5]
    np.testing.assert_array_equal(top[known], expected[known])
    np.testing.assert_allclose(top[2], expected[2], rtol=1e-6)


def test_nothing_is_left_of_the_bottom_where_power_or_scale_is_zero():
    x = np.array([-3, 0, np.inf, -np.inf, np.nan], np.float32)
    (top,) = compute(Power(power=0.0, scale=2.0, shift=7.0), [x])
    assert top.tolist() == [1] * 5
    (top,) = compute(Power(power=3.0, scale=0.0, shift=-2.0), [x])
    assert top.tolist() == [-8] * 5
    (top,) = compute(Power(power=0.0, scale=0.0), [x])
    assert top.tolist() == [1] * 5


def test_a_power_of_one_is_linear(rng):
    x = normal(rng, 2, 3)
    check_layer(Power(scale=0.3, shift=0.7), [x], x * np.float32(0.3) + np.float32(0.7), roundings=0)


def test_channels_are_carried(rng):
    check_carried(Power(power=2.0, shift=0.3), [normal(rng, 2, 4, 3, 3)], rng)
