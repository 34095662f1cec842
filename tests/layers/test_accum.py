"""Accum against PyTorch's interpolation."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer, normal
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.accum import Accum


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({}, (4, 5)),
        ({"top_height": 8, "top_width": 9}, (8, 9)),
        ({"top_height": 8}, (4, 5)),
        ({"size_divisible_by": 3}, (6, 6)),
    ],
)
def test_reference(rng, fields, size):
    bottoms = [normal(rng, 2, 3, 4, 5), normal(rng, 2, 2, 3, 2)]
    parts = [
        torch.nn.functional.interpolate(torch.from_numpy(x).double(), size, mode="bilinear", align_corners=True).numpy()
        for x in bottoms
    ]
    check_layer(Accum(**fields), bottoms, np.concatenate(parts, axis=1), roundings=64, magnitude=4)


def test_the_last_one_says_the_size(rng):
    x, size = normal(rng, 2, 3, 4, 5), normal(rng, 1, 1, 4, 5)
    check_layer(Accum(have_reference=True), [x, size], x)


@pytest.mark.parametrize(
    ("fields", "shapes"),
    [({}, []), ({}, [(1, 2, 3)]), ({}, [(1, 2, 3, 3), (2, 2, 3, 3)]), ({"have_reference": True}, [(1, 2, 3, 3)])],
)
def test_what_does_not_fit_is_refused(fields, shapes):
    with pytest.raises(ShapeError, match="as many of each"):
        Accum(**fields).infer([Blob(shape) for shape in shapes], 1)
