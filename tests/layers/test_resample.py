"""Resample by loops over places, as the kernels of FlowNet2 compute it, and against PyTorch where both agree."""

import math

import numpy as np
import pytest

from tests.layers.oracles import check_carried, check_layer, normal
from tests.pytorch import torch
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.resample import Resample


def _triangle(x):
    return max(0.0, 1 - abs(x))


def _keys(x):
    x = abs(x)
    if x <= 1:
        return x * x * (1.5 * x - 2.5) + 1
    return x * (x * (-0.5 * x + 2.5) - 4) + 2 if x < 2 else 0.0


def _naive(image, size, kind, antialias):
    """Return the top (P, Q) of an image (H, W): weighted means over all places, as one sum; places are f32."""
    f32 = np.float32
    fy, fx = (f32(old) / f32(new) for old, new in zip(image.shape, size, strict=True))
    top = np.zeros(size)
    for p, q in np.ndindex(*size):
        y, x = f32(p) * fy + fx / f32(2) - f32(0.5), f32(q) * fx + fy / f32(2) - f32(0.5)
        if kind == "NEAREST":
            row, column = (math.floor(float(at) + 0.5) for at in (y, x))
            top[p, q] = image[min(max(row, 0), image.shape[0] - 1), min(max(column, 0), image.shape[1] - 1)]
            continue
        widen = antialias and max(fy, fx) > 1
        by_y, by_x = (fy, fx) if widen else (1, 1)
        weigh = {"LINEAR": _triangle, "CUBIC": _keys}[kind]
        weights = np.array(
            [
                [weigh((y - i) / by_y) * weigh((x - j) / by_x) for j in range(image.shape[1])]
                for i in range(image.shape[0])
            ]
        )
        top[p, q] = (weights * image).sum() / weights.sum() if weights.sum() else 0
    return top


@pytest.mark.parametrize("kind", ["NEAREST", "LINEAR", "CUBIC"])
@pytest.mark.parametrize(
    ("size", "antialias"), [((8, 10), True), ((2, 3), True), ((2, 3), False), ((3, 15), True), ((12, 2), True)]
)
def test_reference(rng, kind, size, antialias):
    params, x = Resample(height=size[0], width=size[1], kind=kind, antialias=antialias), normal(rng, 2, 2, 4, 5)
    expected = np.array([[_naive(image, size, kind, antialias) for image in images] for images in x])
    check_layer(params, [x], expected, roundings=64, magnitude=4)
    given = Resample(kind=kind, antialias=antialias)
    check_layer(given, [x, np.zeros((1, 1, *size), np.float32)], expected, roundings=64, magnitude=4)


@pytest.mark.parametrize("factor", [2, 4])
def test_a_linear_image_grows_as_pytorchs(rng, factor):
    x = normal(rng, 1, 2, 3, 4)
    expected = torch.nn.functional.interpolate(torch.from_numpy(x), scale_factor=factor, mode="bilinear")
    check_layer(Resample(height=3 * factor, width=4 * factor), [x], expected.numpy(), roundings=16, magnitude=4)


def test_channels_are_carried(rng):
    check_carried(Resample(height=3, width=2), [normal(rng, 2, 4, 5, 5)], rng)


@pytest.mark.parametrize(
    ("fields", "shapes", "error", "message"),
    [
        ({"height": 2}, [(1, 2, 3, 4)], ShapeError, "height 2 and width 0; give both"),
        ({}, [(1, 2, 3)], ShapeError, "a blob of the size"),
        ({"height": 1 << 14, "width": 1}, [(1, 1, 1 << 14, 1)], ShapeError, "so long ones"),
        ({"kind": "AREA", "height": 1, "width": 1}, [(1, 2, 3, 4)], UnsupportedError, "Known: NEAREST, LINEAR, CUBIC"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, error, message):
    with pytest.raises(error, match=message):
        Resample(**fields).infer([Blob(shape) for shape in shapes], 1)
