"""Layers that PyTorch computes as NumPy does."""

from functools import partial

import numpy as np
import pytest
import torch

from tests.frontend.onnx.onnx_checks import one_layer_net
from tests.layers.slices import SLICES
from tests.train.checks import check_gradients, check_layer, check_net, check_values
from xdn.layers.axpy import Axpy
from xdn.layers.bias import Bias
from xdn.layers.binary import Binary
from xdn.layers.centredunpooling import CentredUnpooling
from xdn.layers.channelnorm import ChannelNorm
from xdn.layers.channelscale import ChannelScale
from xdn.layers.concat import Concat
from xdn.layers.crop import Crop
from xdn.layers.depthtospace import DepthToSpace
from xdn.layers.dotproductattention import DotProductAttention
from xdn.layers.downsample import Downsample
from xdn.layers.eltwise import Eltwise
from xdn.layers.flatten import Flatten
from xdn.layers.flip import Flip
from xdn.layers.gru import GRU
from xdn.layers.imresize import ImResize
from xdn.layers.innerdistance import InnerDistance
from xdn.layers.local import Local
from xdn.layers.lstm import LSTM, Lstm
from xdn.layers.matmul import MatMul
from xdn.layers.mean import Mean
from xdn.layers.normalize import Normalize
from xdn.layers.normalizedinnerproduct import NormalizedInnerProduct
from xdn.layers.parameter import Parameter
from xdn.layers.permute import Permute
from xdn.layers.region import Region
from xdn.layers.reorg import Reorg
from xdn.layers.resample import Resample
from xdn.layers.reshape import Reshape
from xdn.layers.reverse import Reverse
from xdn.layers.rnn import RNN
from xdn.layers.scale import Scale
from xdn.layers.shufflechannel import ShuffleChannel
from xdn.layers.slice import Slice
from xdn.layers.split import Split
from xdn.layers.take import Take
from xdn.layers.textproposal import TextProposal
from xdn.layers.tile import Tile
from xdn.layers.unary import Unary
from xdn.layers.where import Where
from xdn.train.module import NetModule

SHAPES = [(2, 3, 4, 5), (2, 3)]


@pytest.mark.parametrize(
    ("params", "shapes"),
    [
        (Concat(), [(2, 3, 4, 5), (2, 1, 4, 5), (2, 4, 4, 5)]),
        (Concat(axis=-1), [(2, 3, 4), (2, 3, 1)]),
        (Concat(concat_dim=2), [(2, 3, 4, 5), (2, 3, 2, 5)]),
        (Concat(), [(2, 3)]),
    ],
    ids=repr,
)
def test_concat(params, shapes):
    check_layer(params, *shapes)


@pytest.mark.parametrize("shapes", [[(2, 4, 5), (2, 5, 3)], [(2, 3, 4, 5), (2, 3, 5, 6)]])
def test_matmul(shapes):
    check_layer(MatMul(), *shapes)
    check_gradients(MatMul(), *shapes)


def test_attention():
    shapes = [(2, 4, 3, 5), (2, 6, 3, 5), (2, 6, 3, 2), (2, 1, 1, 6)]
    check_layer(DotProductAttention(scale=0.5), *shapes)
    check_gradients(DotProductAttention(scale=0.5), *shapes)


def test_where():
    check_layer(Where(), *[(2, 3, 4)] * 3)


@pytest.mark.parametrize("kind", [LSTM, RNN, GRU, partial(GRU, linear_before_reset=1)])
def test_recurrent_layers(kind):
    shapes = [(6, 2, 3), (6, 2), (2, 5)]
    check_net(one_layer_net(kind(num_output=2), *shapes))
    check_gradients(kind(num_output=2), *shapes)


@pytest.mark.parametrize(("fields", "shapes"), [({}, [(6, 2, 3)]), ({"batch_size": 2}, [(6, 3), (6,)])])
def test_lstm_of_forks(fields, shapes):
    check_net(one_layer_net(Lstm(num_output=2, **fields), *shapes))
    check_gradients(Lstm(num_output=2, **fields), *shapes)


def test_text_proposal():
    rng = np.random.default_rng(0)
    maps = [rng.standard_normal((1, 20, 3, 4)).astype(np.float32) for _ in range(2)]
    check_values(TextProposal(), *maps, np.array([[50, 60]], np.float32), n_tops=2)


@pytest.mark.parametrize("axis", [(), (1, -1)])
def test_reverse(axis):
    check_layer(Reverse(axis=axis), (2, 3, 4, 5))
    check_gradients(Reverse(axis=axis), (2, 3, 4, 5))


@pytest.mark.parametrize("params", [Flatten(), Flatten(axis=2), Flatten(end_axis=2), Flatten(axis=0)], ids=repr)
def test_flatten(params):
    check_layer(params, (2, 3, 4, 5))


@pytest.mark.parametrize(
    "params",
    [
        Reshape(shape=(0, -1)),
        Reshape(shape=(0, 6, -1)),
        Reshape(shape=(-1,), axis=1),
        Reshape(shape=(5, 4), axis=2),
        Reshape(shape=(1,), axis=1, num_axes=0),
    ],
    ids=repr,
)
def test_reshape(params):
    check_layer(params, (2, 3, 4, 5))


def test_a_reshape_that_states_the_batch():
    check_net(one_layer_net(Reshape(shape=(6, 20)), (2, 3, 4, 5)))


@pytest.mark.parametrize(("params", "n_tops"), SLICES, ids=repr)
def test_slice(params, n_tops):
    check_layer(params, (2, 4, 6, 5), n_tops=n_tops)
    check_gradients(params, (2, 4, 6, 5), n_tops=n_tops)


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


def test_split():
    check_layer(Split(), (2, 3, 4, 5), n_tops=3)


@pytest.mark.parametrize(
    "params", [Eltwise(), Eltwise(operation="PROD"), Eltwise(operation="MAX"), Eltwise(coeff=(1, -0.5, 2))], ids=repr
)
def test_eltwise(params):
    check_layer(params, *[(2, 3, 4, 5)] * 3)


@pytest.mark.parametrize("factors", [(2, 3), (2, 3, 1), (2, 3, 1, 1)])
@pytest.mark.parametrize("shape", SHAPES)
def test_axpy(shape, factors):
    check_layer(Axpy(), factors, shape, shape)
    check_gradients(Axpy(), factors, shape, shape)


def test_of_equal_values_the_maximum_takes_the_second():
    x = [torch.ones(1, 2, requires_grad=True) for _ in range(2)]
    net = one_layer_net(Eltwise(operation="MAX"), (1, 2), (1, 2))
    NetModule(net)({"x0": x[0], "x1": x[1]}).sum().backward()
    assert [tensor.grad.sum().item() for tensor in x] == [0, 2]


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3), (2, 3, 4)])
@pytest.mark.parametrize("across_spatial", [False, True])
@pytest.mark.parametrize("channel_shared", [False, True])
def test_normalize(across_spatial, channel_shared, shape):
    params = Normalize(across_spatial=across_spatial, channel_shared=channel_shared, eps=1e-3)
    check_layer(params, shape)
    check_gradients(params, shape)


@pytest.mark.parametrize("norm", ["L1", "L2"])
@pytest.mark.parametrize("scaled", [False, True])
def test_normalize_of_happynears_fork(norm, scaled):
    params = Normalize(across_spatial=False, norm=norm, scaled=scaled, eps=1e-3)
    check_layer(params, (2, 3, 4, 5))
    check_gradients(params, (2, 3, 4, 5))


@pytest.mark.parametrize(("axis", "num_axes"), [(1, 1), (1, 2), (-1, 1), (2, -1), (0, 0)])
@pytest.mark.parametrize("bias_term", [False, True])
def test_learned_scale(axis, num_axes, bias_term):
    check_layer(Scale(axis=axis, num_axes=num_axes, bias_term=bias_term), (2, 3, 4, 5))


@pytest.mark.parametrize(("axis", "operand"), [(0, (2, 3)), (1, (3, 4)), (2, (4, 5)), (-1, (5,)), (0, (2, 3, 4, 5))])
@pytest.mark.parametrize("params", [Scale, Bias, lambda axis: Scale(axis=axis, bias_term=True)])
def test_given_operand(params, axis, operand):
    check_net(one_layer_net(params(axis=axis), (2, 3, 4, 5), operand))


@pytest.mark.parametrize(("axis", "num_axes"), [(1, 1), (1, 3), (-1, 1), (0, 0)])
def test_learned_bias(axis, num_axes):
    check_layer(Bias(axis=axis, num_axes=num_axes), (2, 3, 4, 5))


def test_region():
    check_layer(Region(classes=2, num=2), (2, 14, 3, 2))
    check_gradients(Region(classes=2, num=2), (2, 14, 3, 2))


@pytest.mark.parametrize("params", [DepthToSpace(block_size=2), DepthToSpace(block_size=2, data_format="CRD")])
def test_depth_to_space(params):
    check_layer(params, (2, 8, 3, 2))


@pytest.mark.parametrize("params", [Flip(), Flip(flip_height=True), Flip(flip_width=False)])
def test_flip(params):
    check_layer(params, (2, 3, 4, 5))


@pytest.mark.parametrize(
    ("params", "shapes"),
    [
        (ChannelNorm(eps=0.5), [(2, 3, 4, 5)]),
        (ChannelScale(), [(2, 3, 4, 5), (2, 1, 4, 5)]),
        (InnerDistance(num_output=3, normalize=True), [(2, 3, 4)]),
        (InnerDistance(num_output=3, distance_type="L1"), [(2, 3, 4)]),
        (NormalizedInnerProduct(num_output=3), [(2, 3, 4)]),
        (ImResize(factor=1.5), [(2, 3, 4, 5)]),
        (Resample(height=7, width=3), [(2, 3, 4, 5)]),
        (Downsample(top_height=2, top_width=3), [(2, 3, 4, 5)]),
        (CentredUnpooling(unpool="DIV", out_kernel_size=3, out_stride=2), [(2, 3, 4, 5)]),
        (Mean(operation="SUBTRACT", value=(2.0, -1.0), output_scale=0.5), [(2, 4, 3, 5)]),
        (Resample(kind="CUBIC"), [(2, 3, 4, 5), (1, 1, 6, 2)]),
        (Local(num_output=2, kernel_size=3, stride=2, pad=1), [(2, 3, 6, 5)]),
    ],
    ids=repr,
)
def test_layers_of_forks(params, shapes):
    check_net(one_layer_net(params, *shapes))


def test_learned_values():
    check_net(one_layer_net(Parameter(shape=(2, 3))))


@pytest.mark.parametrize("operation", ["ROUND", "IS_NAN", "SIN"])
def test_unary(operation):
    check_layer(Unary(operation=operation), (2, 3, 4))


@pytest.mark.parametrize("operation", ["ADD", "MAX", "FMOD", "LESS"])
def test_binary(operation):
    check_layer(Binary(operation=operation), (2, 3, 4), (2, 1, 4))


def test_take():
    check_layer(Take(axis=2, index=(3, -1, 0)), (2, 3, 4))
    check_gradients(Take(axis=2, index=(3, -1, 0)), (2, 3, 4))
