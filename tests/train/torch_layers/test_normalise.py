"""Normalisation, Softmax and sums in PyTorch; BatchNorm in training by hand."""

import numpy as np
import pytest
import torch

from tests.frontend.onnx.onnx_checks import one_layer_net
from tests.train.checks import check_gradients, check_layer, check_net, gradients, seeded_inputs, tensors, with_weights
from xdn.errors import InputError, UnsupportedError
from xdn.graph import Blob, Layer, ParamSpec
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.bias import Bias
from xdn.layers.bn import BN
from xdn.layers.groupnorm import GroupNorm
from xdn.layers.layernorm import LayerNorm
from xdn.layers.lrn import LRN
from xdn.layers.mvn import MVN
from xdn.layers.reduction import Reduction
from xdn.layers.relu import ReLU
from xdn.layers.scale import Scale
from xdn.layers.softmax import Softmax
from xdn.train.module import NetModule
from xdn.train.torch_layers.normalise import takes_scale


@pytest.mark.parametrize("shape", [(3, 4, 5, 2), (3, 4), (3, 4, 5), (3,)])
@pytest.mark.parametrize("use_global_stats", [None, True])
def test_batch_norm(shape, use_global_stats):
    net = one_layer_net(BatchNorm(use_global_stats=use_global_stats, eps=1e-2), shape)
    check_net(with_weights(net, "one", scale_factor=np.array([3.5], np.float32)), batches=(1, 5))


@pytest.mark.parametrize("shape", [(3, 4, 5, 2), (3, 4), (3, 4, 5), (3,)])
@pytest.mark.parametrize("use_global_stats", [None, True, False])
def test_batch_norm_with_scale_and_bias(shape, use_global_stats):
    net = one_layer_net(BatchNorm(use_global_stats=use_global_stats, eps=1e-2, scale_bias=True), shape)
    net = with_weights(net, "one", scale_factor=np.array([3.5], np.float32))
    specs = tuple(ParamSpec(lr_mult=index) for index in range(5))
    net = net.replace(layers=(*net.layers[:-1], net.layers[-1].replace(param_specs=specs)))
    check_net(net, batches=(5,) if use_global_stats is False else (1, 5))
    module = NetModule(net)
    assert [name for name, _ in module.named_buffers()] == ["one:mean", "one:variance"]
    assert [spec.lr_mult for _, spec in module.trained()] == [3, 4]
    back = module.to_net().layer("one").weights
    assert list(back) == ["mean", "variance", "scale_factor", "scale", "bias"]
    for name in ("scale", "bias"):
        np.testing.assert_array_equal(back[name], net.layer("one").weights[name])
    check_gradients(net.layer("one").params, shape)


@pytest.mark.parametrize("shape", [(3, 4, 5, 2), (3, 4), (3, 4, 5)])
@pytest.mark.parametrize(
    "params", [BN(eps=1e-2), BN(affine_only=True, var_eps=1e-2), BN(affine_only=True, bn_mode="INFERENCE")], ids=repr
)
def test_bn(params, shape):
    net = one_layer_net(params, shape)
    check_net(net, batches=(5,))
    statistics = [] if params.affine_only else ["one:mean", "one:variance"]
    module = NetModule(net)
    assert [name for name, _ in module.named_buffers()] == statistics
    assert [name for name, _ in module.named_parameters()] == ["one:scale", "one:shift"]
    assert module.to_net().digest == net.digest
    check_gradients(params, shape)


def test_batch_norm_with_a_zero_factor_takes_mean_and_variance_as_zero():
    net = one_layer_net(BatchNorm(eps=0.5), (2, 3, 2, 2))
    check_net(with_weights(net, "one", scale_factor=np.zeros(1, np.float32)))


@pytest.mark.parametrize("shape", [(3, 4, 5, 2), (3, 4), (3, 4, 5), (3,)])
def test_batch_statistics_hold_at_test_time_and_leave_the_running_ones(shape):
    net = one_layer_net(BatchNorm(use_global_stats=False, eps=1e-2), shape)
    check_net(net, batches=(5,))
    module = NetModule(net).eval()
    module(tensors(seeded_inputs(net)))
    assert module.to_net().digest == NetModule(net).to_net().digest


@pytest.mark.parametrize("use_global_stats", [None, False])
def test_batch_norm_in_training(use_global_stats):
    """By hand: the plain variance normalises; the running one moves towards the unbiased one by the momentum."""
    net = one_layer_net(BatchNorm(use_global_stats=use_global_stats, eps=1e-3), (4, 3, 2, 5))
    x = seeded_inputs(net)["x0"]
    module = NetModule(net)
    module.momentum = 0.25
    found = module(torch.tensor(x)).numpy()
    mean, variance = x.mean((0, 2, 3), dtype=np.float64), x.var((0, 2, 3), dtype=np.float64)
    by_hand = (x - mean.reshape(-1, 1, 1)) / np.sqrt(variance + 1e-3).reshape(-1, 1, 1)
    np.testing.assert_allclose(found, by_hand, rtol=0, atol=1e-5)
    before, after = (NetModule(net).to_net().layer("one").weights, module.to_net().layer("one").weights)
    m = x.size // 3
    np.testing.assert_allclose(after["mean"], 0.75 * before["mean"] + 0.25 * mean, rtol=1e-5)
    unbiased = variance * m / (m - 1)
    np.testing.assert_allclose(after["variance"], 0.75 * before["variance"] + 0.25 * unbiased, rtol=1e-5)


@pytest.mark.parametrize(
    ("params", "learns"), [(BN(eps=1e-3), True), (BN(affine_only=True, var_eps=1e-3), False)], ids=repr
)
def test_bn_in_training(params, learns):
    """By hand, as BatchNorm; where there are running statistics, they move."""
    net = one_layer_net(params, (4, 3, 2, 5))
    x, weights = seeded_inputs(net)["x0"], net.layer("one").weights
    module = NetModule(net)
    module.momentum = 0.25
    found = module(torch.tensor(x)).detach().numpy()
    mean, variance = x.mean((0, 2, 3), dtype=np.float64), x.var((0, 2, 3), dtype=np.float64)
    factor = (weights["scale"] / np.sqrt(variance + 1e-3)).reshape(-1, 1, 1)
    by_hand = (x - mean.reshape(-1, 1, 1)) * factor + weights["shift"].reshape(-1, 1, 1)
    np.testing.assert_allclose(found, by_hand, rtol=0, atol=1e-5)
    after, m = module.to_net().layer("one").weights, x.size // 3
    if learns:
        np.testing.assert_allclose(after["mean"], 0.75 * weights["mean"] + 0.25 * mean, rtol=1e-5)
        unbiased = variance * m / (m - 1)
        np.testing.assert_allclose(after["variance"], 0.75 * weights["variance"] + 0.25 * unbiased, rtol=1e-5)
    else:
        assert list(after) == ["scale", "shift"]


def test_global_statistics_are_frozen_in_training_until_they_are_thawed():
    net = one_layer_net(BatchNorm(use_global_stats=True), (4, 3, 2, 5))
    module, x = NetModule(net), tensors(seeded_inputs(net))
    before = module.to_net().digest
    frozen = module(x)
    assert module.to_net().digest == before
    assert torch.equal(frozen, module.eval()(x))
    module.train().thaw = True
    thawed = module(x)
    assert module.to_net().digest != before
    assert abs(thawed.mean().item()) < 1e-5 < abs(frozen.mean().item())


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1, 1), (1,)])
def test_one_value_a_channel_has_no_variance(shape):
    for params in (BatchNorm(), BN())[: len(shape)]:
        with pytest.raises(InputError, match="two images or more"):
            NetModule(one_layer_net(params, shape))(torch.zeros(shape))


def _batch_norm_and(*layers, shape=(4, 3, 2, 5), **changes):
    net = one_layer_net(BatchNorm(eps=1e-3), shape)
    net = net.replace(layers=(*net.layers, *layers), outputs=(), **changes)
    rng = np.random.default_rng(3)
    return net.replace(
        layers=tuple(
            each
            if each.weights
            else each.replace(
                weights={
                    name: rng.uniform(0.5, 1.5, extents).astype(np.float32)
                    for name, extents in net.weight_shapes(each).items()
                }
            )
            for each in net.layers
        )
    )


@pytest.mark.parametrize("bias_term", [False, True])
@pytest.mark.parametrize("shape", [(4, 3, 2, 5), (4, 3), (4, 3, 6)])
def test_a_scale_after_it(bias_term, shape):
    check_net(_batch_norm_and(Layer("scale", Scale(bias_term=bias_term), ("y0",), ("s",)), shape=shape))


def test_a_scale_after_scale_and_bias_is_computed_on_its_own():
    net = one_layer_net(BatchNorm(eps=1e-3, scale_bias=True), (4, 3, 2, 5))
    weights = {"scale": np.array([2, -1, 0.5], np.float32)}
    scale = Layer("scale", Scale(), ("y0",), ("s",), weights)
    check_net(net.replace(layers=(*net.layers, scale), outputs=("s",)))


def test_a_scale_after_it_in_training_is_the_same_as_on_its_own():
    scale = Layer("scale", Scale(bias_term=True), ("y0",), ("s",))
    together = NetModule(_batch_norm_and(scale))
    apart = NetModule(_batch_norm_and(scale, Layer("relu", ReLU(), ("y0",), ("r",))))
    x = tensors(seeded_inputs(together.net))["x0"]
    for module in (together, apart):
        module.outputs(x)["s"].square().sum().backward()
    # 40 values a channel in another order of operations: some ten roundings.
    for (name, one), other in zip(together.named_parameters(), apart.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-5, atol=1e-5, msg=name)
    assert (
        together.to_net().layer("one").weights["mean"].tolist() == apart.to_net().layer("one").weights["mean"].tolist()
    )


@pytest.mark.parametrize(
    ("params", "shapes", "absorbed"),
    [
        (Scale(), [(2, 3, 4, 5)], True),
        (Scale(axis=-3), [(2, 3, 4, 5)], True),
        (Scale(axis=2), [(2, 3, 4, 5)], False),
        (Scale(num_axes=-1), [(2, 3)], True),
        (Scale(num_axes=2), [(2, 3, 4, 5)], False),
        (Scale(num_axes=0), [(2, 3, 4, 5)], False),
        (Scale(axis=0), [(2, 3, 4, 5), (2, 3)], False),
        (Scale(axis=0), [(3,)], False),
        (Bias(), [(2, 3, 4, 5)], False),
    ],
)
def test_which_scale_is_one_factor_a_channel(params, shapes, absorbed):
    assert takes_scale(BatchNorm(), params, [Blob(shape) for shape in shapes]) is absorbed


@pytest.mark.parametrize("local_size", [1, 3, 5, 9])
@pytest.mark.parametrize("channels", [2, 6])
def test_lrn_across_channels(local_size, channels):
    check_layer(LRN(local_size=local_size, alpha=0.7, beta=0.6, k=1.5), (2, channels, 3, 4))


@pytest.mark.parametrize("local_size", [1, 3, 5])
def test_lrn_within_channel(local_size):
    check_layer(LRN(local_size=local_size, alpha=0.7, beta=0.6, k=2, norm_region="WITHIN_CHANNEL"), (2, 3, 5, 4))


@pytest.mark.parametrize(("axis", "shape"), [(1, (2, 7)), (1, (2, 3, 4, 5)), (-1, (2, 3, 4)), (2, (2, 3, 4, 5))])
def test_softmax(axis, shape):
    check_layer(Softmax(axis=axis), shape)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3, 4)])
@pytest.mark.parametrize("across_channels", [False, True])
@pytest.mark.parametrize("normalize_variance", [False, True])
def test_mvn(normalize_variance, across_channels, shape):
    params = MVN(normalize_variance=normalize_variance, across_channels=across_channels)
    check_layer(params, shape)
    check_gradients(params, shape)


@pytest.mark.parametrize("across_channels", [False, True])
def test_mvn_without_positions(across_channels):
    check_layer(MVN(across_channels=across_channels), (2, 3))


def test_a_constant_image_has_a_finite_gradient():
    (gradient,) = gradients(MVN(), np.full((2, 3, 4, 5), 0.5, np.float32))
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("operation", ["SUM", "ASUM", "SUMSQ", "MEAN"])
@pytest.mark.parametrize("coeff", [1.0, -0.5])
def test_reduction(operation, axis, coeff):
    params = Reduction(operation=operation, axis=axis, coeff=coeff)
    check_layer(params, (2, 3, 4, 5))
    check_gradients(params, (2, 3, 4, 5))


def test_eps_at_the_other_place():
    check_layer(MVN(eps=0.1, add_eps_before_sqrt=True), (2, 3, 4, 5))
    with pytest.raises(UnsupportedError, match="add_eps_before_sqrt: false is not trained"):
        check_layer(BatchNorm(eps=0.1, add_eps_before_sqrt=False), (3, 4, 5, 2))


@pytest.mark.parametrize("shape", [(2, 6, 4, 5), (2, 6, 3)])
def test_group_norm(shape):
    check_layer(GroupNorm(group_num=3, eps=0.01), shape)


@pytest.mark.parametrize(("shape", "axis"), [((2, 5, 6), -1), ((2, 3, 4, 5), 1)])
def test_layer_norm(shape, axis):
    check_layer(LayerNorm(axis=axis, eps=0.01), shape)
    check_gradients(LayerNorm(axis=axis, eps=0.01), shape)
