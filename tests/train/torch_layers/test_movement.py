"""Layers that take values to other places, in PyTorch."""

import numpy as np
import pytest

from tests.frontend.onnx.onnx_checks import one_layer_net
from tests.train.checks import check_gradients, check_layer, check_net, check_values, gradients
from xdn.layers.crop import Crop
from xdn.layers.pad import Pad
from xdn.layers.permute import Permute
from xdn.layers.reorg import Reorg
from xdn.layers.shufflechannel import ShuffleChannel
from xdn.layers.slice import Slice
from xdn.layers.tile import Tile
from xdn.layers.upsample import Upsample

SLICES = [
    (Slice(), 1),
    (Slice(), 2),
    (Slice(axis=-1), 5),
    (Slice(slice_point=(1,)), 2),
    (Slice(axis=2, slice_point=(1, 4)), 3),
    (Slice(slice_dim=3, slice_point=(2,)), 2),
]


@pytest.mark.parametrize(("params", "n_tops"), SLICES, ids=repr)
def test_slice(params, n_tops):
    check_layer(params, (2, 4, 6, 5), n_tops=n_tops)
    check_gradients(params, (2, 4, 6, 5), n_tops=n_tops)


def test_pad():
    check_layer(Pad(pad_t=1, pad_l=2, pad_r=3), (2, 3, 4, 5))
    check_gradients(Pad(pad=1), (2, 3, 4, 5))


def test_a_slice_of_the_batch():
    check_net(one_layer_net(Slice(axis=0, slice_point=(1,)), (3, 4), n_tops=2), batches=(2, 5))


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        (Crop(), (2, 9, 3, 4)),
        (Crop(offset=(2,)), (2, 4, 4, 3)),
        (Crop(axis=1, offset=(1, 0, 2)), (2, 2, 6, 3)),
        (Crop(axis=0), (2, 3, 6, 5)),
    ],
    ids=repr,
)
def test_crop(params, wanted):
    check_layer(params, (2, 4, 6, 5), wanted)
    check_gradients(params, (2, 4, 6, 5), wanted, without=(1,))


@pytest.mark.parametrize("order", [(0, 2, 3, 1), (0, 3), (), (1, 0), (3, 2, 1, 0)])
def test_permute(order):
    check_layer(Permute(order=order), (2, 4, 6, 5))
    check_gradients(Permute(order=order), (2, 4, 6, 5))


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_tile(axis):
    check_layer(Tile(axis=axis, tiles=3), (2, 4, 3, 5))
    check_gradients(Tile(axis=axis, tiles=3), (2, 4, 3, 5))


@pytest.mark.parametrize("shape", [(2, 6, 3, 4), (2, 6), (2, 6, 5)])
@pytest.mark.parametrize("group", [1, 2, 3, 6])
def test_shuffle_channel(group, shape):
    check_layer(ShuffleChannel(group=group), shape)
    check_gradients(ShuffleChannel(group=group), shape)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_reorg(stride, reverse):
    shape = (2, stride * stride * 2, stride * 3, stride * 2)
    check_layer(Reorg(stride=stride, reverse=reverse), shape)
    check_gradients(Reorg(stride=stride, reverse=reverse), shape)


@pytest.mark.parametrize("params", [Upsample(), Upsample(scale=3), Upsample(scale_h=2, scale_w=5)], ids=repr)
def test_upsample(params):
    check_layer(params, (2, 3, 4, 5))
    check_gradients(params, (2, 3, 4, 5))


@pytest.mark.parametrize("params", [Upsample(scale=2), Upsample(scale=2, pad_out_h=True), Upsample(upsample_w=9)])
def test_upsample_with_a_mask(params):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 4, 5)).astype(np.float32)
    p, q = params.output_size(4, 5)
    mask = np.stack([rng.permutation(p * q)[:20] for _ in range(6)]).reshape(x.shape).astype(np.float32)
    mask[0, 0, 0, :3] = [-1, p * q, np.nan]
    check_values(params, x, mask)
    by_x, by_mask = gradients(params, x, mask)
    assert by_mask is None
    assert (by_x == 0).sum() == 3
