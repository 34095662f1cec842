"""Flip against PyTorch."""

import pytest

from tests.layers.oracles import check_carried, check_layer, check_moves, normal
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.flip import Flip


@pytest.mark.parametrize(
    ("fields", "axes"),
    [
        ({}, (3,)),
        ({"flip_height": True}, (2, 3)),
        ({"flip_width": False, "flip_height": True}, (2,)),
        ({"flip_width": False}, ()),
    ],
)
def test_reference(rng, fields, axes):
    x, params = normal(rng, 2, 3, 4, 5), Flip(**fields)
    check_layer(params, [x], torch.flip(torch.from_numpy(x), axes).numpy(), roundings=0)
    check_moves(params, [x])
    check_carried(params, [x], rng)


def test_lines_are_refused():
    with pytest.raises(ShapeError, match="4 axes"):
        Flip().infer([Blob((1, 2, 3))], 1)
