"""Interp and DeephiResize in PyTorch."""

import pytest

from tests.layers.resizes import RESIZES
from tests.train.checks import check_gradients, check_layer
from xdn.layers.interp import Interp


@pytest.mark.parametrize(
    "params",
    [
        Interp(height=7, width=9),
        Interp(height=1, width=3),
        Interp(height=33, width=65),
        Interp(zoom_factor=2),
        Interp(shrink_factor=2),
        Interp(shrink_factor=2, zoom_factor=3),
        Interp(height=5, width=6),
        Interp(height=8, width=8, pad_beg=-1),
        Interp(zoom_factor=2, pad_beg=-1, pad_end=-2),
    ],
    ids=repr,
)
def test_interp(params):
    check_layer(params, (2, 3, 5, 6))
    check_gradients(params, (2, 3, 5, 6))


def test_interp_to_the_size_of_another():
    check_layer(Interp(use_blob_size=True), (2, 3, 5, 6), (2, 1, 9, 4))
    check_gradients(Interp(use_blob_size=True, pad_end=-1), (2, 3, 5, 6), (2, 1, 9, 4), without=(1,))


def test_interp_of_one_position():
    check_layer(Interp(height=3, width=4), (2, 3, 1, 1))


@pytest.mark.parametrize("params", RESIZES, ids=repr)
def test_deephi_resize(params):
    check_layer(params, (2, 3, 5, 6))
    check_gradients(params, (2, 3, 5, 6))
