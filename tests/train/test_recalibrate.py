"""BatchNorm statistics taken anew, against a computation by hand with the NumPy references."""

import numpy as np
import pytest

from tests.frontend.onnx.onnx_checks import one_layer_net
from tests.positions import EVERY_NET
from xdn.errors import InputError, WeightsError
from xdn.graph import Layer, Net
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.bn import BN
from xdn.layers.convolution import Convolution
from xdn.layers.dropout import Dropout
from xdn.layers.input import Input
from xdn.layers.relu import ReLU
from xdn.layers.scale import Scale
from xdn.train.initial import fresh
from xdn.train.recalibrate import recalibrate


def _net(use_global_stats=True):
    """Return conv, BatchNorm, Scale, ReLU, Dropout, conv, BatchNorm."""
    conv, norm = Convolution(num_output=4, kernel_size=(3,)), BatchNorm(use_global_stats=use_global_stats)
    chain = [conv, norm, Scale(bias_term=True), ReLU(), Dropout(), conv, norm]
    layers = [Layer("data", Input(shape=((2, 3, 8, 8),)), tops=("x0",))]
    layers += [Layer(f"l{i}", params, (f"x{i}",), (f"x{i + 1}",)) for i, params in enumerate(chain)]
    return fresh(Net("two", tuple(layers)), 5)


def _batches(*sizes):
    rng = np.random.default_rng(9)
    return [(3 * rng.standard_normal((n, 3, 8, 8)) + 1).astype(np.float32) for n in sizes]


def _by_hand(batches):
    """Return {layer: (mean, variance)}: the batches' own, each BatchNorm normalising by its batch."""
    sums: dict[str, list] = {"l1": [], "l6": []}
    for batch in batches:
        blobs = _net(use_global_stats=False).with_batch(len(batch)).forward({"x0": batch})
        for layer, bottom in (("l1", "x1"), ("l6", "x6")):
            x = blobs[bottom].astype(np.float64)
            sums[layer].append((len(batch), x.mean((0, 2, 3)), x.var((0, 2, 3), ddof=1)))
    total = sum(len(batch) for batch in batches)
    return {
        layer: [sum(entry[0] * entry[i] for entry in entries) / total for i in (1, 2)]
        for layer, entries in sums.items()
    }


@pytest.mark.parametrize("use_global_stats", [True, None])
@pytest.mark.parametrize("sizes", [(4,), (4, 4, 4), (5, 3, 2)])
def test_averages_of_the_batches(sizes, use_global_stats):
    net, batches = _net(use_global_stats), _batches(*sizes)
    found = recalibrate(net, iter(batches))
    for layer, (mean, variance) in _by_hand(batches).items():
        weights = found.layer(layer).weights
        # Sums of some hundred values in f32 on one side.
        np.testing.assert_allclose(weights["mean"], mean, rtol=0, atol=1e-5 * np.abs(mean).max())
        np.testing.assert_allclose(weights["variance"], variance, rtol=1e-5)
        assert weights["scale_factor"] == 1
    for layer in net.layers:
        if layer.type != "BatchNorm":
            for name, array in layer.weights.items():
                np.testing.assert_array_equal(found.layer(layer.name).weights[name], array)


@pytest.mark.parametrize("params", [BatchNorm(scale_bias=True), BN()], ids=repr)
def test_layers_that_scale_too(params):
    net, batches = one_layer_net(params, (4, 3, 8, 8)), _batches(4, 4)
    before, found = net.layer("one").weights, recalibrate(net, batches).layer("one").weights
    mean, variance = (np.mean([f(x) for x in batches], 0) for f in (_mean, _variance))
    np.testing.assert_allclose(found["mean"], mean, rtol=0, atol=1e-5 * np.abs(mean).max())
    np.testing.assert_allclose(found["variance"], variance, rtol=1e-5)
    for name in set(before) - {"mean", "variance", "scale_factor"}:
        np.testing.assert_array_equal(found[name], before[name])


def _mean(x):
    return x.astype(np.float64).mean((0, 2, 3))


def _variance(x):
    return x.astype(np.float64).var((0, 2, 3), ddof=1)


def test_the_old_statistics_play_no_part_and_twice_is_the_same():
    net, batches = _net(), _batches(4, 4)
    once = recalibrate(net, batches)
    odd = {name: np.full_like(array, np.nan) for name, array in net.layer("l1").weights.items() if name == "mean"}
    spoilt = net.replace(
        layers=tuple(e.replace(weights={**e.weights, **odd}) if e.name == "l1" else e for e in net.layers)
    )
    assert recalibrate(once, batches).digest == once.digest == recalibrate(spoilt, batches).digest


def test_statistics_that_no_output_needs_are_taken_too():
    net, batches = _net(), _batches(4)
    assert recalibrate(net.replace(outputs=("x1",)), batches).layer("l6").weights["mean"].any()


def test_progress_counts_images():
    told = []
    recalibrate(_net(), _batches(4, 3), told.append)
    assert told == [4, 7]


def test_without_images_there_are_no_statistics():
    with pytest.raises(InputError, match="no image"):
        recalibrate(_net(), [])


def test_one_value_a_channel():
    net = one_layer_net(BatchNorm(), (1, 3, 1, 1))
    with pytest.raises(InputError, match="two images or more"):
        recalibrate(net, [np.zeros((1, 3, 1, 1), np.float32)])


def test_a_net_without_weights_is_refused():
    net = _net()
    bare = net.replace(layers=tuple(layer.replace(weights={}) for layer in net.layers))
    with pytest.raises(WeightsError):
        recalibrate(bare, _batches(4))


@pytest.mark.parametrize("net", EVERY_NET)
def test_lines_images_and_volumes(net):
    """What the first BatchNorm reads does not depend on any statistics."""
    first = next((layer for layer in net.layers if layer.type == "BatchNorm"), None)
    batch = np.random.default_rng(4).standard_normal(net.inputs["data"].shape).astype(np.float32)
    found = recalibrate(net, [batch])
    if first is not None:
        bottom = net.forward({"data": batch})[first.bottoms[0]].astype(np.float64)
        weights, axes = found.layer(first.name).weights, (0, *range(2, bottom.ndim))
        np.testing.assert_allclose(weights["mean"], bottom.mean(axes), rtol=0, atol=1e-5 * np.abs(bottom).max())
        np.testing.assert_allclose(weights["variance"], bottom.var(axes, ddof=1), rtol=1e-4)
