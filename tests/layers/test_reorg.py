"""Reorg against Darknet's loop, OpenCV, and PyTorch's pixel shuffling."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import (
    changed_channels,
    check_fixed,
    check_layer,
    check_moves,
    check_needs_every_position,
    normal,
)
from tests.pytorch import torch
from xdn.errors import ShapeError
from xdn.graph import Blob
from xdn.layers.reorg import Reorg

#: bottom (N, C, H, W), stride; for both directions
CASES = [((2, 8, 4, 6), 2), ((1, 4, 2, 2), 2), ((1, 9, 6, 3), 3), ((2, 18, 3, 9), 3), ((2, 3, 4, 5), 1)]


def _darknet(x, stride, forward):
    """Return reorg_cpu's loop of Darknet's blas.c; the sizes that it is given are the bottom's in both directions."""
    n, c, h, w = x.shape
    source, out, out_c = x.ravel(), np.empty(x.size, x.dtype), c // (stride * stride)
    for b, k, j, i in np.ndindex(n, c, h, w):
        here = i + w * (j + h * (k + c * b))
        c2, offset = k % out_c, k // out_c
        w2, h2 = i * stride + offset % stride, j * stride + offset // stride
        there = w2 + w * stride * (h2 + h * stride * (c2 + out_c * b))
        if forward:
            out[there] = source[here]
        else:
            out[here] = source[there]
    return out


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("shape", "stride"), CASES)
def test_reference(rng, shape, stride, reverse):
    x, params = normal(rng, *shape), Reorg(stride=stride, reverse=reverse)
    (top,) = params.infer([Blob(shape)], 1)
    check_layer(params, [x], _darknet(x, stride, reverse).reshape(top.shape), roundings=0)


@pytest.mark.parametrize("shape", [(1, 4, 2, 2), (2, 8, 4, 6), (1, 64, 26, 26)])
def test_stride_2_is_opencvs_default(rng, shape):
    x = normal(rng, *shape)
    check_layer(Reorg(stride=2), [x], run_opencv(Reorg(stride=2), [x], other={}), roundings=0)


@pytest.mark.parametrize(("shape", "stride"), CASES)
def test_pixel_shuffling_with_the_offsets_in_front(rng, shape, stride):
    """PyTorch keeps the channel in front of the offsets of a position, Darknet after them."""
    x = normal(rng, *shape)
    n, c, h, w = shape
    parted = x.reshape(n, stride * stride, c // stride**2, h, w).swapaxes(1, 2).reshape(shape)
    expected = torch.nn.functional.pixel_shuffle(torch.from_numpy(parted), stride)
    check_layer(Reorg(stride=stride, reverse=True), [x], expected.numpy(), roundings=0)

    # Forward it is the inverse of that for the same numbers in rows of other lengths.
    image = x.reshape(n, c // stride**2, h * stride, w * stride)
    expected = torch.nn.functional.pixel_unshuffle(torch.from_numpy(image), stride).numpy()
    expected = expected.reshape(n, c // stride**2, stride * stride, h, w).swapaxes(1, 2)
    top = (n, c * stride * stride, h // stride, w // stride)
    check_layer(Reorg(stride=stride), [x], expected.reshape(top), roundings=0)


@pytest.mark.parametrize(
    ("fields", "shapes", "message"),
    [
        ({}, [(1, 4, 4, 4)], "stride 0"),
        ({"stride": -2}, [(1, 4, 4, 4)], "stride -2"),
        ({"stride": 1 << 31}, [(1, 4, 4, 4)], "stride 2147483648"),
        ({"stride": 2}, [(1, 2, 4, 4)], "divide by stride 2"),
        ({"stride": 2}, [(1, 4, 3, 4)], "divide by stride 2"),
        ({"stride": 2}, [(1, 4, 4, 3)], "divide by stride 2"),
        ({"stride": 2, "reverse": True}, [(1, 6, 3, 3)], "divide by stride 2"),
        ({"stride": 2}, [(1, 4, 4)], "4 axes"),
        ({"stride": 2}, [], "0 bottoms"),
        ({"stride": 2}, [(1, 4, 4, 4)] * 2, "2 bottoms"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shapes, message):
    with pytest.raises(ShapeError, match=message):
        Reorg(**fields).infer([Blob(shape) for shape in shapes], 1)


def test_reverse_takes_any_height_and_width():
    assert Reorg(stride=2, reverse=True).infer([Blob((1, 4, 3, 5))], 1) == (Blob((1, 1, 6, 10)),)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("shape", "stride"), CASES)
def test_values_are_moved_only(rng, shape, stride, reverse):
    check_moves(Reorg(stride=stride, reverse=reverse), [normal(rng, *shape)])


def test_channels_are_fixed(rng):
    x = normal(rng, 2, 8, 4, 4)
    check_fixed(Reorg(stride=2), [x], rng)
    # In reverse, channel 2 becomes a part of channel 0.
    assert changed_channels(Reorg(stride=2, reverse=True), [x], {}, 0, 2, rng).tolist() == [True, False]


def test_positions_are_mixed():
    check_needs_every_position(Reorg(stride=2), [Blob((2, 8, 4, 4))])
