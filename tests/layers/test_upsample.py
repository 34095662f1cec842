"""Upsample against PyTorch's interpolation and max_unpool2d, and ONNX Runtime."""

import numpy as np
import pytest

from tests.layers.oracles import (
    check_carried,
    check_layer,
    check_moves,
    check_needs_every_position,
    compute,
    normal,
    run_onnx,
)
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.upsample import Upsample

#: parameters, factors of height and width
FACTORS = [
    ({}, (2, 2)),
    ({"scale": 1}, (1, 1)),
    ({"scale": 3}, (3, 3)),
    ({"scale_h": 3, "scale_w": 2}, (3, 2)),
    ({"scale": 4, "scale_h": 3}, (3, 4)),
]


@pytest.mark.parametrize(("fields", "factors"), FACTORS)
def test_positions_are_repeated(rng, fields, factors):
    x, params = normal(rng, 2, 3, 4, 5), Upsample(**fields)
    expected = torch.nn.functional.interpolate(torch.from_numpy(x), scale_factor=factors, mode="nearest")
    check_layer(params, [x], expected.numpy(), roundings=0)
    scales, none = np.array([1, 1, *factors], np.float32), np.empty(0, np.float32)
    modes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    check_layer(params, [x], run_onnx("Resize", [x, none, scales], **modes), roundings=0)


def _pooled(rng, shape, kernel):
    """Return the maxima of a random blob of `shape`, and the mask as Caffe's second top holds it: f32."""
    x = torch.from_numpy(normal(rng, *shape))
    maxima, mask = torch.nn.functional.max_pool2d(x, kernel, return_indices=True, ceil_mode=True)
    return maxima, mask


@pytest.mark.parametrize(
    ("shape", "kernel", "fields"),
    [
        ((2, 3, 8, 6), 2, {}),
        ((2, 3, 8, 6), 2, {"scale": 2}),
        ((1, 2, 9, 6), 3, {"scale": 3}),
        ((1, 2, 7, 6), 2, {"pad_out_h": True}),
        ((1, 2, 6, 7), 2, {"pad_out_w": True, "scale": 2}),
        ((1, 2, 7, 5), 2, {"upsample_h": 7, "upsample_w": 5}),
        ((1, 2, 8, 7), 3, {"upsample_h": 8, "upsample_w": 7}),
    ],
)
def test_maxima_go_back_to_their_places(rng, shape, kernel, fields):
    maxima, mask = _pooled(rng, shape, kernel)
    expected = torch.nn.functional.max_unpool2d(maxima, mask, kernel, output_size=shape[2:]).numpy()
    assert np.count_nonzero(expected) == maxima.numel()
    check_layer(Upsample(**fields), [maxima.numpy(), mask.numpy().astype(np.float32)], expected, roundings=0)


def test_a_mask_is_read_as_caffe_reads_it():
    """static_cast<int> cuts fractions off; the last of several values at one place stays; none goes outside."""
    x = np.arange(1, 9, dtype=np.float32).reshape(1, 1, 2, 4)
    mask = np.array([3.9, 7, 7, 16, -1, np.nan, np.inf, 1e30], np.float32).reshape(1, 1, 2, 4)
    (top,) = compute(Upsample(upsample_h=4, upsample_w=4), [x, mask])
    expected = np.zeros(16, np.float32)
    expected[[3, 7]] = 1, 3
    np.testing.assert_array_equal(top.ravel(), expected)


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({}, [], "a mask or none"),
        ({}, [(1, 2, 3, 4)] * 3, "a mask or none"),
        ({}, [(1, 2, 3)], "a mask or none"),
        ({}, [(1, 2, 3, 4), (1, 2, 3)], "a mask or none"),
        ({}, [(1, 2, 3, 4), (1, 1, 3, 4)], "a mask of shape"),
        ({"pad_out_h": True}, [(1, 2, 3, 4)], "3x4 to 5x8 without a mask"),
        ({"upsample_h": 5, "upsample_w": 8}, [(1, 2, 3, 4)], "5x8 without a mask"),
        ({"scale": 1 << 31}, [(1, 2, 3, 4)], "elements"),
        ({"upsample_h": 1 << 31, "upsample_w": 1 << 31}, [(1, 2, 3, 4)] * 2, "elements"),
        ({"scale": 1, "pad_out_h": True}, [(1, 2, 1, 4)] * 2, "positive"),
        ({"scale": -2}, [(1, 2, 3, 4)], "positive"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        Upsample(**fields).infer([Blob(shape) for shape in shapes], 1)


@pytest.mark.parametrize(("fields", "factors"), FACTORS)
def test_without_a_mask_values_are_moved_only(rng, fields, factors):
    check_moves(Upsample(**fields), [normal(rng, 2, 3, 4, 5)])


def test_with_a_mask_they_go_where_it_says():
    assert not Upsample().moves_only([Blob((1, 2, 3, 4))] * 2)


def test_channels_are_carried(rng):
    check_carried(Upsample(), [normal(rng, 2, 4, 3, 3)], rng)
    assert Upsample().channel_rule_for([Blob((2, 4, 3, 3))] * 2) is ChannelRule.CARRIED
    maxima, mask = _pooled(rng, (2, 4, 6, 6), 2)
    # What the check adds moves places too, not all of them out of the top.
    check_carried(Upsample(), [maxima.numpy(), mask.numpy().astype(np.float32)], rng)


def test_positions_are_not_kept():
    check_needs_every_position(Upsample(), [Blob((2, 3, 4, 5))])
