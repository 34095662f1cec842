"""Concat against PyTorch, ONNX Runtime and OpenCV over axes and its old field."""

import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import check_carried, check_layer, normal, run_onnx
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.concat import Concat


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -3])
@pytest.mark.parametrize("extents", [(3,), (1, 4), (2, 3, 5)])
def test_reference(rng, axis, extents):
    shapes = [[2, 3, 4, 5] for _ in extents]
    for shape, extent in zip(shapes, extents, strict=True):
        shape[axis] = extent
    bottoms = [normal(rng, *shape) for shape in shapes]
    params = Concat(axis=axis)
    check_layer(params, bottoms, torch.cat([torch.from_numpy(b) for b in bottoms], axis).numpy(), roundings=0)
    check_layer(params, bottoms, run_onnx("Concat", bottoms, axis=axis), roundings=0)
    if axis != 0 or len(bottoms) > 1:  # a single bottom along the batch is left unwritten there
        check_layer(params, bottoms, run_opencv(params, bottoms), roundings=0)


def test_concat_dim_is_the_old_name(rng):
    bottoms = [normal(rng, 2, 3, 4), normal(rng, 2, 3, 5)]
    check_layer(Concat(concat_dim=2), bottoms, Concat(axis=2).reference(bottoms, {}, 1), roundings=0)


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({}, [], "one or more"),
        ({}, [(2, 3, 4), (2, 3, 5)], "along axis 1"),
        ({}, [(2, 3), (2, 3, 1)], "along axis 1"),
        ({"axis": 2}, [(2, 3)], "axis 2"),
        ({"concat_dim": 4}, [(2, 3)], "axis 4"),
        ({"axis": 0, "concat_dim": 1}, [(2, 3)], "both"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        Concat(**fields).infer([Blob(shape) for shape in shapes], 1)


@pytest.mark.parametrize("params", [Concat(), Concat(concat_dim=1)])
def test_channels_are_shifted(rng, params):
    bottoms = [normal(rng, 2, c, 3, 3) for c in (2, 1, 3)]
    check_carried(params, bottoms, rng)
    shapes = [Blob(b.shape) for b in bottoms]
    assert params.channel_map(0, shapes).tolist() == [0, 1, -1, -1, -1, -1]
    assert params.channel_map(2, shapes).tolist() == [-1, -1, -1, 0, 1, 2]


@pytest.mark.parametrize("axis", [0, 2, 3])
def test_along_another_axis_channels_stay(rng, axis):
    check_carried(Concat(axis=axis), [normal(rng, 2, 3, 4, 4), normal(rng, 2, 3, 4, 4)], rng)


def test_without_a_channel_axis():
    assert Concat(axis=0).channel_rule_for([Blob((2,)), Blob((3,))]) is ChannelRule.FIXED
