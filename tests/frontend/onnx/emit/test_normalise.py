"""Normalisation, scaling and Softmax in ONNX."""

import pytest

from tests.frontend.onnx.onnx_checks import check_layer, check_net, one_layer_net
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.bias import Bias
from xdn.layers.bn import BN
from xdn.layers.groupnorm import GroupNorm
from xdn.layers.layernorm import LayerNorm
from xdn.layers.lrn import LRN
from xdn.layers.mvn import MVN
from xdn.layers.normalize import Normalize
from xdn.layers.scale import Scale
from xdn.layers.softmax import Softmax


@pytest.mark.parametrize("shape", [(3, 4, 5, 2), (3, 4), (3, 4, 5), (3,)])
@pytest.mark.parametrize("use_global_stats", [None, True, False])
def test_batch_norm(shape, use_global_stats):
    check_layer(BatchNorm(use_global_stats=use_global_stats, eps=1e-2), shape)


@pytest.mark.parametrize("shape", [(3, 4, 5, 2), (3, 4), (3, 4, 5), (3,)])
@pytest.mark.parametrize("use_global_stats", [None, False])
def test_batch_norm_with_scale_and_bias(shape, use_global_stats):
    check_layer(BatchNorm(use_global_stats=use_global_stats, eps=1e-2, scale_bias=True), shape)


@pytest.mark.parametrize("shape", [(3, 4, 5, 2), (3, 4), (3, 4, 5)])
@pytest.mark.parametrize(
    "params", [BN(eps=1e-2), BN(affine_only=True, var_eps=1e-2), BN(affine_only=True, bn_mode="INFERENCE")], ids=repr
)
def test_bn(params, shape):
    check_layer(params, shape)


def test_batch_norm_with_a_zero_factor_takes_mean_and_variance_as_zero():
    net = one_layer_net(BatchNorm(eps=0.5), (2, 3, 2, 2))
    weights = {**net.layers[-1].weights, "scale_factor": net.layers[-1].weights["scale_factor"] * 0}
    check_net(net.replace(layers=(*net.layers[:-1], net.layers[-1].replace(weights=weights))))


@pytest.mark.parametrize(("axis", "num_axes"), [(1, 1), (1, 2), (-1, 1), (2, -1), (0, 0)])
@pytest.mark.parametrize("bias_term", [False, True])
def test_learned_scale(axis, num_axes, bias_term):
    check_layer(Scale(axis=axis, num_axes=num_axes, bias_term=bias_term), (2, 3, 4, 5))


@pytest.mark.parametrize(("axis", "operand"), [(0, (2, 3)), (1, (3, 4)), (2, (4, 5)), (-1, (5,)), (0, (2, 3, 4, 5))])
@pytest.mark.parametrize("layer", [Scale, Bias])
def test_given_operand(layer, axis, operand):
    net = one_layer_net(layer(axis=axis), (2, 3, 4, 5), operand)
    check_net(net)


def test_an_operand_with_the_batch_follows_the_batch():
    check_layer(Scale(axis=0), (2, 3, 4, 5), (2, 3))


@pytest.mark.parametrize(("axis", "num_axes"), [(1, 1), (1, 3), (-1, 1)])
def test_learned_bias(axis, num_axes):
    check_layer(Bias(axis=axis, num_axes=num_axes), (2, 3, 4, 5))


@pytest.mark.parametrize("local_size", [1, 3, 5, 9])
@pytest.mark.parametrize("channels", [2, 6])
def test_lrn_across_channels(local_size, channels):
    check_layer(LRN(local_size=local_size, alpha=0.7, beta=0.6, k=1.5), (2, channels, 3, 4))


@pytest.mark.parametrize("local_size", [1, 3, 5])
def test_lrn_within_channel(local_size):
    check_layer(LRN(local_size=local_size, alpha=0.7, beta=0.6, norm_region="WITHIN_CHANNEL"), (2, 3, 5, 4))


@pytest.mark.parametrize(("axis", "shape"), [(1, (2, 7)), (1, (2, 3, 4, 5)), (-1, (2, 3, 4)), (2, (2, 3, 4, 5))])
def test_softmax(axis, shape):
    check_layer(Softmax(axis=axis), shape)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3), (2, 3, 4)])
@pytest.mark.parametrize("across_spatial", [False, True])
@pytest.mark.parametrize("channel_shared", [False, True])
def test_normalize(across_spatial, channel_shared, shape):
    check_layer(Normalize(across_spatial=across_spatial, channel_shared=channel_shared, eps=1e-3), shape)


@pytest.mark.parametrize("norm", ["L1", "L2"])
@pytest.mark.parametrize("scaled", [False, True])
def test_normalize_of_happynears_fork(norm, scaled):
    check_layer(Normalize(across_spatial=False, norm=norm, scaled=scaled, eps=1e-3), (2, 3, 4, 5))


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3), (2, 3, 4)])
@pytest.mark.parametrize("across_channels", [False, True])
@pytest.mark.parametrize("normalize_variance", [False, True])
def test_mvn(normalize_variance, across_channels, shape):
    check_layer(MVN(normalize_variance=normalize_variance, across_channels=across_channels, eps=1e-2), shape)


def test_eps_at_the_other_place():
    check_layer(MVN(eps=0.1, add_eps_before_sqrt=True), (2, 3, 4, 5))
    check_layer(BatchNorm(eps=0.1, add_eps_before_sqrt=False), (3, 4, 5, 2))


@pytest.mark.parametrize("shape", [(2, 6, 4, 5), (2, 6, 3)])
@pytest.mark.parametrize("groups", [1, 3, 6])
def test_group_norm(shape, groups):
    check_layer(GroupNorm(group_num=groups, eps=0.01), shape)


@pytest.mark.parametrize(("shape", "axis"), [((2, 5, 6), -1), ((2, 3, 4, 5), 1)])
def test_layer_norm(shape, axis):
    check_layer(LayerNorm(axis=axis, eps=0.01), shape)
