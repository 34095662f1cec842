"""Correlation1D against plain loops over padded images."""

import pytest

from tests.layers.oracles import check_layer, normal
from tests.layers.test_correlation import naive
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.correlation1d import Correlation1D


@pytest.mark.parametrize(
    ("direction", "moves"),
    [(0, [-4, -2, 0, 2, 4]), (1, [0, 2, 4]), (-1, [-6, -4, -2])],
)
def test_reference(rng, direction, moves):
    # To the left the second image is met further out than `max_displacement`: the padding has room for that.
    params = Correlation1D(pad=8, kernel_size=3, max_displacement=5, stride_2=2, single_direction=direction)
    images = [normal(rng, 2, 3, 5, 6), normal(rng, 2, 3, 5, 6)]
    expected = naive(params, *images, (0, 8), (0, 5), [(0, move) for move in moves])
    check_layer(params, images, expected, roundings=64, magnitude=4)


def test_dispnets_own():
    """DispNetCorr1D's layer: 81 displacements of maps that keep their size."""
    params = Correlation1D(pad=40, kernel_size=1, max_displacement=40, stride_1=1, stride_2=1)
    assert params.infer([Blob((1, 128, 96, 192))] * 2, 1) == (Blob((1, 81, 96, 192)),)


def test_an_unknown_direction():
    with pytest.raises(ShapeError, match="single_direction 2; it is -1"):
        Correlation1D(kernel_size=1, single_direction=2).infer([Blob((1, 2, 4, 4))] * 2, 1)
