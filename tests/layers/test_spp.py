"""SPP against PyTorch's poolings, and its rules by hand."""

import numpy as np
import pytest

from tests.layers.oracles import check_carried, check_layer, check_needs_every_position, compute, normal
from tests.pytorch import torch
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Blob
from xdn.layers.pooling import Pooling
from xdn.layers.spp import SPP


@pytest.mark.parametrize("height", [1, 2, 3])
@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (1, 4, 13, 13), (2, 2, 12, 16), (1, 1, 4, 4)])
def test_maxima_where_bins_fit_or_are_too_large(rng, shape, height):
    """Bins side by side over an image, with a border below everything."""
    x, params = normal(rng, *shape), SPP(pyramid_height=height)
    expected = []
    for bins in (1, 2, 4)[:height]:
        lengths = [-(-size // bins) for size in shape[2:]]
        pads = [(length * bins - size + 1) // 2 for length, size in zip(lengths, shape[2:], strict=True)]
        border = [(pad, length * bins - size - pad) for pad, length, size in zip(pads, lengths, shape[2:], strict=True)]
        padded = np.pad(x, ((0, 0), (0, 0), *border), constant_values=-np.inf)
        grid = torch.nn.functional.max_pool2d(torch.from_numpy(padded), lengths).numpy()
        assert grid.shape[2:] == (bins, bins)
        expected.append(grid if height == 1 else grid.reshape(shape[0], -1))
    check_layer(params, [x], np.concatenate(expected, axis=1), roundings=0)


def test_averages_are_those_of_the_poolings(rng):
    x, params = normal(rng, 2, 3, 7, 10), SPP(pyramid_height=3, pool="AVE")
    levels = params.levels((7, 10))
    assert levels[0] == Pooling(pool="AVE", kernel_size=(7, 10), stride=(7, 10), pad=(0, 0))
    assert levels[1] == Pooling(pool="AVE", kernel_size=(4, 5), stride=(4, 5), pad=(1, 0))
    assert levels[2] == Pooling(pool="AVE", kernel_size=(2, 3), stride=(2, 3), pad=(1, 1))
    (top,) = compute(params, [x])
    np.testing.assert_allclose(top[:, :3], x.mean((2, 3)), atol=1e-6)
    assert top.shape == (2, 3 * (1 + 4 + 16))


def test_averages_within_the_image(rng):
    x = normal(rng, 1, 2, 3, 3)
    (top,) = compute(SPP(pyramid_height=2, pool="AVE", count_padding=False), [x])
    # Windows of 2x2 from -1 on: the first holds one value, the last four.
    expected = [part.mean((2, 3)) for part in (x, x[..., :1, :1], x[..., :1, 1:], x[..., 1:, :1], x[..., 1:, 1:])]
    np.testing.assert_allclose(
        top, np.concatenate([expected[0], np.stack(expected[1:], 2).reshape(1, 8)], 1), rtol=1e-5, atol=1e-6
    )


def test_channels_stand_before_bins():
    x = np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)
    (top,) = compute(SPP(pyramid_height=2), [x])
    np.testing.assert_array_equal(top, [[3, 7, 0, 1, 2, 3, 4, 5, 6, 7]])


def test_named_bins_overlap():
    """13 places in 1, 2, 3 and 6 bins: windows of 13, 7, 5 and 3 places, 13, 6, 4 and 2 apart."""
    params = SPP(spatial_bin=(1, 2, 3, 6))
    assert [(level.kernel_size, level.stride) for level in params.levels((13, 13))] == [
        ((13,), (13,)),
        ((7,), (6,)),
        ((5,), (4,)),
        ((3,), (2,)),
    ]
    assert params.infer([Blob((2, 3, 13, 13))], 1) == (Blob((2, 3 * (1 + 4 + 9 + 36))),)


@pytest.mark.parametrize(
    ("fields", "shape", "message"),
    [
        ({"spatial_bin": (1, 2)}, (1, 2, 4, 5), "4x5; images are square"),
        ({"spatial_bin": (1,) * 65}, (1, 2, 4, 4), "65 spatial_bin; at most 64"),
        ({"spatial_bin": (5,)}, (1, 2, 4, 4), "no bin is empty"),
        ({"spatial_bin": (0,)}, (1, 2, 4, 4), "no bin is empty"),
        ({}, (1, 2, 4, 4), "pyramid_height 0"),
        ({"pyramid_height": 4}, (1, 2, 4, 4), "not smaller than the kernel"),
        ({"pyramid_height": (1 << 32) - 1}, (1, 2, 4, 4), "not smaller than the kernel"),
        ({"pyramid_height": 1}, (1, 2, 4), "4 axes"),
    ],
)
def test_what_does_not_fit_is_refused(fields, shape, message):
    with pytest.raises(ShapeError, match=message):
        SPP(**fields).infer([Blob(shape)], 1)


def test_stochastic_is_refused():
    with pytest.raises(UnsupportedError, match="STOCHASTIC"):
        SPP(pyramid_height=1, pool="STOCHASTIC").infer([Blob((1, 2, 4, 4))], 1)


def test_channels_and_positions(rng):
    check_carried(SPP(pyramid_height=3), [normal(rng, 2, 4, 7, 6)], rng)
    check_carried(SPP(spatial_bin=(1, 3)), [normal(rng, 2, 4, 7, 7)], rng)
    check_needs_every_position(SPP(pyramid_height=2), [Blob((2, 3, 7, 5))])
