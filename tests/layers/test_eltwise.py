"""Eltwise against PyTorch, ONNX Runtime and OpenCV; the maximum's NaN against Caffe's loop written out."""

from functools import reduce

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import check_carried, check_layer, check_positions, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob, Quantized
from xdn.layers.eltwise import Eltwise

OPERATIONS = {
    "PROD": (torch.mul, "Mul"),
    "SUM": (torch.add, "Sum"),
    "MAX": (torch.maximum, "Max"),
    "MIN": (torch.minimum, "Min"),
}


@pytest.mark.parametrize("operation", list(OPERATIONS))
@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (3, 7)])
def test_reference(rng, operation, count, shape):
    bottoms = [normal(rng, *shape) for _ in range(count)]
    params = Eltwise(operation=operation)
    fold, op = OPERATIONS[operation]
    magnitude = sum(np.abs(b) for b in bottoms) if operation == "SUM" else None
    bound = {"roundings": 0 if operation in ("MAX", "MIN") else count, "magnitude": magnitude}
    check_layer(params, bottoms, reduce(fold, map(torch.from_numpy, bottoms)).numpy(), **bound)
    if op != "Mul":
        check_layer(params, bottoms, run_onnx(op, bottoms), **bound)
    if op != "Min":
        check_layer(params, bottoms, run_opencv(params, bottoms), **bound)


def test_quotient(rng):
    bottoms = [normal(rng, 2, 3, 4, 5), normal(rng, 2, 3, 4, 5)]
    params = Eltwise(operation="DIV")
    check_layer(params, bottoms, bottoms[0].astype(np.float64) / bottoms[1], roundings=1)
    check_layer(params, bottoms, run_onnx("Div", bottoms), roundings=1)
    check_carried(params, bottoms, rng)


@pytest.mark.parametrize("coeff", [(1.0, -1.0), (0.25, 3.0, -0.7)])
def test_coefficients(rng, coeff):
    bottoms = [normal(rng, 2, 3, 4, 5) for _ in coeff]
    params = Eltwise(coeff=coeff)
    expected = sum(c * b.astype(np.float64) for c, b in zip(coeff, bottoms, strict=True))
    magnitude = sum(abs(c) * np.abs(b) for c, b in zip(coeff, bottoms, strict=True))
    bound = {"roundings": 2 * len(coeff), "magnitude": magnitude}
    check_layer(params, bottoms, expected, **bound)
    check_layer(params, bottoms, run_opencv(params, bottoms), **bound)


@pytest.mark.parametrize(("operation", "wins"), [("MAX", float.__gt__), ("MIN", float.__lt__)])
def test_extremes_take_not_a_number_as_caffe_does(operation, wins):
    """eltwise_layer.cpp: `a > b ? a : b` for the first two, then `x > top` replaces the top."""
    nan = float("nan")
    values = [nan, 1.0, 2.0]
    triples = np.array(np.meshgrid(values, values, values)).reshape(3, -1).astype(np.float32)
    expected = []
    for a, b, c in triples.T:
        top = a if wins(float(a), float(b)) else b
        expected.append(c if wins(float(c), float(top)) else top)
    (top,) = compute(Eltwise(operation=operation), [row.reshape(1, -1) for row in triples])
    np.testing.assert_array_equal(top[0], np.array(expected, np.float32))


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({}, [(2, 3)], "two or more"),
        ({}, [(2, 3), (2, 4)], "different shapes"),
        ({}, [(2, 3), (2, 3, 1)], "different shapes"),
        ({"coeff": (1.0,)}, [(2, 3), (2, 3)], "1 coeff for 2 bottoms"),
        ({"operation": "DIV"}, [(2, 3)] * 3, "DIV takes two"),
        ({"coeff": (1.0, 1.0), "operation": "PROD"}, [(2, 3), (2, 3)], "only SUM"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        Eltwise(**fields).infer([Blob(shape) for shape in shapes], 1)


@pytest.mark.parametrize("operation", list(OPERATIONS))
def test_channels_are_carried(rng, operation):
    check_carried(Eltwise(operation=operation), [normal(rng, 2, 3, 4, 4) for _ in range(3)], rng)


@pytest.mark.parametrize("operation", list(OPERATIONS))
def test_positions(rng, operation):
    check_positions(Eltwise(operation=operation), [normal(rng, 2, 3, 7, 5), normal(rng, 2, 3, 7, 5)], rng)


def test_sums_of_integers_are_added_in_order(rng):
    read = (Quantized(0.03), Quantized(0.05, signed=True), Quantized(0.07))
    bottoms = [rng.integers(*how.range, (2, 3), endpoint=True).astype(how.element.numpy) for how in read]
    coeff = (0.1, -1.7, 1.0)
    (top,) = Eltwise(coeff=coeff).quantized_reference(bottoms, read, {}, 1)
    a, b, c = (
        x.astype(np.float32) * (np.float32(k) * np.float32(how.scale))
        for x, k, how in zip(bottoms, coeff, read, strict=True)
    )
    assert np.array_equal(top, (a + b) + c)
    (largest,) = Eltwise(operation="MAX").quantized_reference(bottoms, read, {}, 1)
    values = [x.astype(np.float32) * np.float32(how.scale) for x, how in zip(bottoms, read, strict=True)]
    assert np.array_equal(largest, np.max(values, axis=0))
    (product,) = Eltwise(operation="PROD").quantized_reference(bottoms, read, {}, 1)
    assert np.array_equal(product, values[0] * values[1] * values[2])
    blobs = [Blob((2, 3))] * 2
    assert all(Eltwise(operation=name).why_real(blobs) is None for name in ("SUM", "MAX", "PROD"))
    assert Eltwise(operation="MIN").why_real(blobs) == Eltwise(operation="MIN").why_no_bf16(blobs) == "takes a minimum"
