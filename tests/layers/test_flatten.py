"""Flatten against PyTorch, ONNX Runtime and OpenCV over its two axes."""

import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import check_carried, check_fixed, check_layer, normal, run_onnx
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.flatten import Flatten


@pytest.mark.parametrize(("axis", "end"), [(1, -1), (0, -1), (1, 2), (2, 3), (-2, -1), (0, 1), (1, 1), (3, -1)])
def test_reference(rng, axis, end):
    x = normal(rng, 2, 3, 4, 5)
    params = Flatten(axis=axis, end_axis=end)
    check_layer(params, [x], torch.from_numpy(x).flatten(axis, end).numpy(), roundings=0)
    if (axis, end) != (0, -1):  # OpenCV gives a single axis a second one
        check_layer(params, [x], run_opencv(params, [x]), roundings=0)
    if (axis, end) == (1, -1):
        check_layer(params, [x], run_onnx("Flatten", [x], axis=1), roundings=0)


@pytest.mark.parametrize(("axis", "end"), [(4, -1), (1, 4), (-5, -1), (2, 1), (-1, -2)])
def test_what_does_not_fit_is_refused(axis, end):
    with pytest.raises(ShapeError, match="axis"):
        Flatten(axis=axis, end_axis=end).infer([Blob((2, 3, 4, 5))], 1)


@pytest.mark.parametrize(("axis", "end"), [(1, -1), (1, 2), (1, 1), (2, 3), (3, -1)])
def test_a_channel_becomes_a_block(rng, axis, end):
    check_carried(Flatten(axis=axis, end_axis=end), [normal(rng, 2, 3, 4, 5)], rng)


def test_the_block_of_a_channel():
    assert Flatten().channel_map(0, [Blob((1, 2, 1, 3))]).tolist() == [0, 0, 0, 1, 1, 1]


def test_with_the_batch_flattened_channels_are_fixed(rng):
    check_fixed(Flatten(axis=0, end_axis=1), [normal(rng, 2, 3, 4, 5)], rng)
