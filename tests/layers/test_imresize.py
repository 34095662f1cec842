"""ImResize by loops over places, as rtpose's kernel computes it, and against PyTorch away from the border."""

import numpy as np
import pytest

from tests.layers.oracles import check_carried, check_layer, normal
from tests.pytorch import torch
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.imresize import ImResize


def _between(v, d):
    """Return Keys' cubic through the four values, `d` after the second."""
    cubic = -0.5 * v[0] + 1.5 * v[1] - 1.5 * v[2] + 0.5 * v[3]
    return cubic * d**3 + (v[0] - 2.5 * v[1] + 2 * v[2] - 0.5 * v[3]) * d**2 + (v[2] - v[0]) / 2 * d + v[1]


def _around(place, wanted, size):
    """Return four places of an axis, and how far after the second one the wanted place lies."""
    at = (place - (wanted / size / 2 - 0.5)) * (size / wanted)
    second = max(int(at + 1e-5), 0)
    first, third = max(second - 1, 0), min(second + 1, size - 1)
    return [first, second, third, min(third + 1, size - 1)], at - second


def _naive(image, size):
    top = np.zeros(size)
    for p, q in np.ndindex(*size):
        (rows, dy), (columns, dx) = (_around(*each) for each in zip((p, q), size, image.shape, strict=True))
        top[p, q] = _between([_between([image[row, column] for column in columns], dx) for row in rows], dy)
    return top


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"factor": 2.0}, (8, 10)),
        ({"factor": 0.5}, (2, 2)),
        ({"factor": 1.0}, (4, 5)),
        ({"target_spatial_height": 9, "target_spatial_width": 3}, (9, 3)),
        ({"target_spatial_height": 1, "target_spatial_width": 7}, (1, 7)),
    ],
)
def test_reference(rng, fields, size):
    x = normal(rng, 2, 2, 4, 5)
    expected = np.array([[_naive(image, size) for image in images] for images in x])
    check_layer(ImResize(**fields), [x], expected, roundings=64, magnitude=4)


def test_the_inside_is_pytorchs_keys_cubic(rng):
    """PyTorch's antialiased bicubic has a = -1/2, too; growing, it is Keys' cubic."""
    x = normal(rng, 1, 2, 6, 7)
    resized = torch.nn.functional.interpolate(
        torch.from_numpy(x), scale_factor=4, mode="bicubic", antialias=True
    ).numpy()
    (top,) = ImResize(factor=4).reference([x], {}, 1)
    np.testing.assert_allclose(top[..., 8:-8, 8:-8], resized[..., 8:-8, 8:-8], atol=1e-5)


def test_sizes():
    assert ImResize().infer([Blob((1, 2, 3, 4))], 1)[0].shape == (1, 2, 368, 368)
    assert ImResize(factor=1.5).infer([Blob((1, 2, 3, 5))], 1)[0].shape == (1, 2, 4, 7)


def test_channels_are_carried(rng):
    check_carried(ImResize(factor=2), [normal(rng, 2, 4, 3, 3)], rng)


@pytest.mark.parametrize(
    ("fields", "shape", "error", "message"),
    [
        ({"factor": 0.1}, (1, 2, 3, 3), ShapeError, "3x3 to 0x0"),
        ({"factor": -1.0}, (1, 2, 3, 3), ShapeError, "factor -1.0; it is 0 or more"),
        ({"factor": float("nan")}, (1, 2, 3, 3), ShapeError, "factor nan; it is 0 or more"),
        ({"target_spatial_width": 0}, (1, 2, 3, 3), ShapeError, "give a factor or a size"),
        ({}, (1, 1, 1 << 20, 1), ShapeError, "so long ones"),
        ({"start_scale": 0.9}, (1, 2, 3, 3), UnsupportedError, "start_scale 0.9, which cuts off"),
        ({}, (1, 2, 3), ShapeError, "4 axes"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shape, error, message):
    with pytest.raises(error, match=message):
        ImResize(**fields).infer([Blob(shape)], 1)
