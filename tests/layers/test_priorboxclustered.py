"""PriorBoxClustered against plain loops over positions and boxes."""

import numpy as np
import pytest

from tests.layers.oracles import FEW, check_layer, normal
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.priorboxclustered import PriorBoxClustered

SIZES = {"width": (9.5, 20.0, 33.0), "height": (18.0, 7.5, 40.0)}


def naive(params, size, image):
    corners = []
    image_h, image_w = params.img_h or image[0], params.img_w or image[1]
    for row, column in np.ndindex(*size):
        y = (row + params.offset) * (params.step_h or params.step or image_h / size[0])
        x = (column + params.offset) * (params.step_w or params.step or image_w / size[1])
        for w, h in zip(params.width, params.height, strict=True):
            box = [(x - w / 2) / image_w, (y - h / 2) / image_h, (x + w / 2) / image_w, (y + h / 2) / image_h]
            corners += [min(max(c, 0), 1) if params.clip else c for c in box]
    variance = {0: [0.1] * 4, 1: list(params.variance) * 4}.get(len(params.variance), list(params.variance))
    return np.array([corners, variance * (len(corners) // 4)], np.float32)[None]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"variance": (0.1, 0.1, 0.2, 0.2), "step": 16.0, "offset": 0.25},
        {"variance": (0.3,), "step_h": 7.0, "step_w": 9.0, "clip": True},
        {"img_h": 100, "img_w": 50},
    ],
)
def test_reference(rng, fields):
    params = PriorBoxClustered(**SIZES, **fields)
    bottoms = [normal(rng, 2, 5, 3, 4), normal(rng, 2, 3, 60, 70)]
    check_layer(params, bottoms, naive(params, (3, 4), (60, 70)), roundings=FEW, magnitude=4)
    assert params.reads_shapes_only


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"width": (1.0,)}, "1 width and 0 height"),
        ({}, "0 width"),
        ({"width": (0.0,), "height": (1.0,)}, "not positive"),
        ({**SIZES, "variance": (0.1, 0.2)}, "2 variance"),
        ({**SIZES, "step": -1.0}, "no step is negative"),
    ],
)
def test_what_does_not_fit_is_refused(fields, message):
    with pytest.raises(ShapeError, match=message):
        PriorBoxClustered(**fields).infer([Blob((1, 2, 3, 4)), Blob((1, 3, 30, 40))], 1)
    with pytest.raises(ShapeError, match="a map and the image"):
        PriorBoxClustered(**SIZES).infer([Blob((1, 2, 3, 4))], 1)
