"""Axpy against PyTorch and a loop over images and channels.

OpenCV's importer is not an oracle here: of SENet's bottoms a, x, y it computes a * y + x.
"""

import numpy as np
import pytest

from tests.layers.oracles import check_carried, check_layer, check_needs_every_position, compute, normal
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.axpy import Axpy


@pytest.mark.parametrize("ones", [(), (1, 1)])
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4), (2, 3, 6)])
def test_reference(rng, shape, ones):
    factors, x, y = normal(rng, *shape[:2], *ones), normal(rng, *shape), normal(rng, *shape)
    along = torch.from_numpy(factors.reshape(*shape[:2], *(1,) * (len(shape) - 2)))
    # The product is rounded once, or not at all where it is fused with the sum, which is rounded too and may cancel.
    bound = {"roundings": 2, "magnitude": np.abs(along.numpy() * x) + np.abs(y)}
    expected = torch.addcmul(torch.from_numpy(y), along, torch.from_numpy(x)).numpy()
    check_layer(Axpy(), [factors, x, y], expected, **bound)
    expected = y.astype(np.float64)
    for image in range(shape[0]):
        for channel in range(shape[1]):
            expected[image, channel] += factors.reshape(shape[:2])[image, channel] * x[image, channel].astype(
                np.float64
            )
    check_layer(Axpy(), [factors, x, y], expected, **bound)


def test_by_hand():
    bottoms = [np.array([[2, np.inf]], np.float32), np.array([[3, 0]], np.float32), np.array([[10, 1]], np.float32)]
    with np.errstate(invalid="ignore"):
        (top,) = compute(Axpy(), bottoms)
    np.testing.assert_array_equal(top, np.array([[16, np.nan]], np.float32))


def test_what_does_not_fit_is_refused():
    x = Blob((2, 3, 4, 5))
    with pytest.raises(ShapeError, match="2 bottoms; it takes three"):
        Axpy().infer([Blob((2, 3)), x], 1)
    for second, third in ((x, Blob((2, 3, 4, 4))), (Blob((2,)), Blob((2,)))):
        with pytest.raises(ShapeError, match="second and third bottom"):
            Axpy().infer([Blob((2, 3)), second, third], 1)
    for shape in ((2, 4), (1, 3), (2,), (2, 3, 4, 5), (2, 3, 1, 5), ()):
        with pytest.raises(ShapeError, match="factors of shape"):
            Axpy().infer([Blob(shape), x, x], 1)


@pytest.mark.parametrize("ones", [(), (1, 1)])
def test_channels_are_carried(rng, ones):
    check_carried(Axpy(), [normal(rng, 2, 4, *ones), normal(rng, 2, 4, 3, 3), normal(rng, 2, 4, 3, 3)], rng)


def test_the_factors_are_not_an_image():
    check_needs_every_position(Axpy(), [Blob((2, 3, 1, 1)), Blob((2, 3, 7, 5)), Blob((2, 3, 7, 5))])
