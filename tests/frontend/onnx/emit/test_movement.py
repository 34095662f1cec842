"""Layers that take values to other places, in ONNX."""

import numpy as np
import pytest

from tests.frontend.onnx.onnx_checks import check_layer, check_net, check_values, one_layer_net, session_of
from tests.layers.slices import SLICES
from xdn.errors import UnsupportedError
from xdn.frontend.onnx.writer import to_onnx
from xdn.graph import Layer
from xdn.layers.concat import Concat
from xdn.layers.crop import Crop
from xdn.layers.depthtospace import DepthToSpace
from xdn.layers.embed import Embed
from xdn.layers.flatten import Flatten
from xdn.layers.flip import Flip
from xdn.layers.pad import Pad
from xdn.layers.permute import Permute
from xdn.layers.reorg import Reorg
from xdn.layers.reshape import Reshape
from xdn.layers.reverse import Reverse
from xdn.layers.shufflechannel import ShuffleChannel
from xdn.layers.slice import Slice
from xdn.layers.take import Take
from xdn.layers.tile import Tile


@pytest.mark.parametrize(("params", "n_tops"), SLICES, ids=repr)
def test_slice(params, n_tops):
    check_layer(params, (2, 4, 6, 5), n_tops=n_tops)


def test_pad():
    for kind in ("ZERO", "REFLECT"):
        check_layer(Pad(pad_t=1, pad_l=2, pad_r=3, kind=kind), (2, 3, 4, 5))


def test_a_slice_of_the_batch_leaves_the_rest_to_the_last_top():
    net = one_layer_net(Slice(axis=0, slice_point=(1,)), (3, 4), n_tops=2)
    check_net(net, batches=(2, 5))


def test_equal_parts_of_the_batch_fix_it():
    net = one_layer_net(Slice(axis=0), (4, 3), n_tops=2)
    assert session_of(net).get_inputs()[0].shape == [4, 3]
    check_net(net)


def test_equal_parts_of_an_axis_that_grows_with_the_batch():
    net = one_layer_net(Flatten(axis=0, end_axis=1), (3, 4, 5))
    net = net.replace(layers=(*net.layers, Layer("cut", Slice(axis=0), ("y0",), ("a", "b"))), outputs=("a", "b"))
    check_net(net, batches=(1, 5))


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        (Crop(), (2, 9, 3, 4)),
        (Crop(offset=(2,)), (2, 4, 4, 3)),
        (Crop(axis=1, offset=(1, 0, 2)), (2, 2, 6, 3)),
        (Crop(axis=-1, offset=(1,)), (2, 1, 1, 4)),
    ],
    ids=repr,
)
def test_crop(params, wanted):
    check_layer(params, (2, 4, 6, 5), wanted)


def test_a_crop_of_the_batch_follows_the_batch():
    check_layer(Crop(axis=0), (2, 4, 6), (2, 3, 6))


@pytest.mark.parametrize("order", [(0, 2, 3, 1), (0, 3), (), (1, 0), (3, 2, 1, 0)])
def test_permute(order):
    check_layer(Permute(order=order), (2, 4, 6, 5))


@pytest.mark.parametrize("axis", [(), (1,), (-1, 0), (0, 1, 2, 3)])
def test_reverse(axis):
    check_layer(Reverse(axis=axis), (2, 4, 3, 5))


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_tile(axis):
    check_layer(Tile(axis=axis, tiles=3), (2, 4, 3, 5))


@pytest.mark.parametrize("shape", [(2, 6, 3, 4), (2, 6), (2, 6, 5)])
@pytest.mark.parametrize("group", [1, 2, 3, 6])
def test_shuffle_channel(group, shape):
    check_layer(ShuffleChannel(group=group), shape)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_reorg(stride, reverse):
    check_layer(Reorg(stride=stride, reverse=reverse), (2, stride * stride * 2, stride * 3, stride * 2))


def test_a_reorg_is_taken_back():
    net = one_layer_net(Reorg(stride=2), (2, 4, 6, 8))
    net = net.replace(
        layers=(*net.layers, Layer("back", Reorg(stride=2, reverse=True), ("y0",), ("z",))), outputs=("z",)
    )
    check_net(net, batches=(3,))


def test_channels_that_are_the_batch_are_not_shuffled():
    net = one_layer_net(Permute(order=(1, 0)), (2, 4, 3))
    shuffle = Layer("shuffle", ShuffleChannel(), ("y0",), ("z",))
    with pytest.raises(UnsupportedError, match=r"layer 'shuffle' \(ShuffleChannel\).*depends on the batch"):
        to_onnx(net.replace(layers=(*net.layers, shuffle), outputs=("z",)))


@pytest.mark.parametrize(("params", "axis"), [(Concat(), 1), (Concat(axis=-1), 3), (Concat(concat_dim=2), 2)])
@pytest.mark.parametrize("sizes", [(3,), (1, 4, 2)])
def test_concat(params, axis, sizes):
    shapes = [[2, 3, 4, 5] for _ in sizes]
    for shape, size in zip(shapes, sizes, strict=True):
        shape[axis] = size
    check_layer(params, *map(tuple, shapes))


def test_concat_along_the_batch():
    check_layer(Concat(axis=0), (2, 3, 4), (2, 3, 4))


@pytest.mark.parametrize(("axis", "end_axis"), [(1, -1), (1, 2), (2, 3), (0, 1), (0, -1), (-2, -1)])
def test_flatten(axis, end_axis):
    check_layer(Flatten(axis=axis, end_axis=end_axis), (2, 3, 4, 5))


@pytest.mark.parametrize(
    "params",
    [
        Reshape(shape=(0, -1)),
        Reshape(shape=(0, 2, 6, 5)),
        Reshape(shape=(-1, 5)),
        Reshape(shape=(12, -1), axis=1, num_axes=2),
        Reshape(shape=(1,), axis=-1, num_axes=0),
    ],
    ids=repr,
)
def test_reshape(params):
    check_layer(params, (2, 3, 4, 5))


def test_a_reshape_that_states_the_batch_fixes_it():
    check_net(one_layer_net(Reshape(shape=(2, 60)), (2, 3, 4, 5)))


@pytest.mark.parametrize("bias_term", [False, True])
@pytest.mark.parametrize("shape", [(3,), (2, 4)])
def test_embed(shape, bias_term):
    check_layer(Embed(num_output=5, input_dim=7, bias_term=bias_term), shape)
    numbers = np.random.default_rng(0).integers(0, 7, shape).astype(np.float32)
    check_values(Embed(num_output=5, input_dim=7, bias_term=bias_term), numbers)


def test_numbers_outside_of_the_range_give_the_nearest_row():
    numbers = np.array([-1e30, -1, -0.5, 0.5, 6.5, 7, 1e30, np.inf, -np.inf, np.nan], np.float32)
    check_values(Embed(num_output=5, input_dim=7), numbers)


@pytest.mark.parametrize("data_format", ["CRD", "DCR", "NCHW"])
def test_depth_to_space(data_format):
    check_layer(DepthToSpace(block_size=2, data_format=data_format), (2, 8, 3, 2))


@pytest.mark.parametrize("params", [Flip(), Flip(flip_height=True), Flip(flip_width=False)], ids=repr)
def test_flip(params):
    check_layer(params, (2, 3, 4, 5))


@pytest.mark.parametrize(("axis", "index"), [(1, (2, 0, 0)), (-1, (-1, 3, -1)), (2, (1,))])
def test_take(axis, index):
    check_layer(Take(axis=axis, index=index), (2, 3, 4))
