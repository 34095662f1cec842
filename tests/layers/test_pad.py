"""Pad against PyTorch and ONNX Runtime on all sides."""

import numpy as np
import pytest

from tests.layers.oracles import check_carried, check_layer, check_moves, normal, run_onnx
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.pad import Pad, same_border

#: Fields, and what they make above, below, left and right.
CASES = [
    ({}, (0, 0, 0, 0)),
    ({"pad": 2}, (2, 2, 2, 2)),
    ({"pad_h": 1, "pad_w": 3}, (1, 1, 3, 3)),
    ({"pad_w": 3}, (0, 0, 3, 3)),
    ({"pad_t": 1, "pad_b": 2, "pad_l": 3, "pad_r": 4}, (1, 2, 3, 4)),
    ({"pad_r": 1}, (0, 0, 0, 1)),
]


@pytest.mark.parametrize(("fields", "sides"), CASES)
def test_reference(rng, fields, sides):
    x, params = normal(rng, 2, 3, 4, 5), Pad(**fields)
    above, below, left, right = sides
    expected = torch.nn.functional.pad(torch.from_numpy(x), (left, right, above, below)).numpy()
    check_layer(params, [x], expected, roundings=0)
    pads = np.array([0, 0, above, left, 0, 0, below, right], np.int64)
    check_layer(params, [x], run_onnx("Pad", [x, pads]), roundings=0)
    check_moves(params, [x])
    check_carried(params, [x], rng)


@pytest.mark.parametrize(
    ("kind", "mode"), [("REPLICATE", "edge"), ("REFLECT", "symmetric"), ("REFLECT_101", "reflect")]
)
def test_borders_that_the_image_gives(rng, kind, mode):
    """As pad_layer.cpp fills them: first the columns, then whole rows."""
    x, params = normal(rng, 2, 3, 4, 5), Pad(pad_t=1, pad_b=2, pad_l=3, pad_r=4, kind=kind)
    columns = np.concatenate([x[..., each] for each in _beside(5, (3, 4), kind)], axis=-1)
    expected = np.concatenate([columns[:, :, each] for each in _beside(4, (1, 2), kind)], axis=2)
    check_layer(params, [x], expected, roundings=0)
    if kind != "REFLECT":
        pads = np.array([0, 0, 1, 3, 0, 0, 2, 4], np.int64)
        check_layer(params, [x], run_onnx("Pad", [x, pads], mode=mode), roundings=0)
    check_moves(params, [x])
    check_carried(params, [x], rng)


def _beside(size, sides, kind):
    """Return the places before an axis, those of it, and those after."""
    before, after = sides
    if kind == "REPLICATE":
        return [[0] * before, list(range(size)), [size - 1] * after]
    skip = kind == "REFLECT_101"
    return [
        [skip + i for i in range(before)][::-1],
        list(range(size)),
        [size - 1 - skip - i for i in range(after)],
    ]


@pytest.mark.parametrize(
    ("fields", "shape", "message"),
    [
        ({"pad": 1, "pad_h": 1}, (1, 2, 3, 4), "several ways"),
        ({"pad_h": 1, "pad_t": 1}, (1, 2, 3, 4), "several ways"),
        ({"pad_l": -1}, (1, 2, 3, 4), "negative"),
        ({"pad": 1 << 31}, (1, 2, 3, 4), "elements"),
        ({"pad": 1}, (1, 2, 3), "4 axes"),
        ({"pad": 1, "same_kernel": (3, 3)}, (1, 2, 3, 4), "several ways"),
        ({"pad": 4, "kind": "REFLECT"}, (1, 2, 3, 4), "mirrors more than 3x4"),
        ({"pad": 3, "kind": "REFLECT_101"}, (1, 2, 3, 4), "mirrors more than 3x4"),
        ({"same_kernel": (3,)}, (1, 2, 3, 4), "a height and a width"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shape, message):
    with pytest.raises(ShapeError, match=message):
        Pad(**fields).infer([Blob(shape)], 1)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "border"),
    [(5, 3, 2, (1, 1)), (6, 3, 2, (0, 1)), (6, 2, 1, (0, 1)), (7, 5, 3, (2, 2)), (4, 1, 2, (0, 0)), (4, 4, 1, (1, 2))],
)
def test_the_border_of_same(rng, size, kernel, stride, border):
    assert same_border(size, kernel, stride) == border
    params = Pad(same_kernel=(kernel, 1), same_stride=(stride, 1))
    assert params.border((size, 9)) == (border, (0, 0))
    x = normal(rng, 1, 2, size, 9)
    check_layer(params, [x], np.pad(x, ((0, 0), (0, 0), border, (0, 0))), roundings=0)
    check_moves(params, [x])
