"""Gradients of the cross entropy against differences of the NumPy references."""

import numpy as np
import pytest

from tests.positions import NAMES, net_over
from tests.train.sharing import siamese_net
from xdn.errors import WeightsError
from xdn.graph import Layer, Net
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.convolution import Convolution
from xdn.layers.dropout import Dropout
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.input import Input
from xdn.layers.pooling import Pooling
from xdn.layers.prelu import PReLU
from xdn.layers.scale import Scale
from xdn.layers.softmax import Softmax
from xdn.train.gradients import weight_gradients
from xdn.train.initial import fresh


def _net():
    """Return a small classifier of 4x4 images with most kinds of weights; two convolutions share their filters."""
    conv = Convolution(num_output=2, kernel_size=(3,), pad=(1,))
    chain = [conv, BatchNorm(), Scale(bias_term=True), PReLU(), conv, Dropout(), Pooling("AVE", (2,), (2,))]
    chain += [InnerProduct(num_output=3), Softmax()]
    layers = [Layer("data", Input(shape=((3, 2, 4, 4),)), tops=("x0",))]
    for i, params in enumerate(chain):
        shared = ("w",) if params is conv else ()
        layers.append(Layer(f"l{i}", params, (f"x{i}",), (f"x{i + 1}",), shared=shared))
    net = fresh(Net("small", tuple(layers)), 1)
    rng = np.random.default_rng(2)
    statistics = {"mean": rng.standard_normal(2), "variance": rng.uniform(0.5, 2, 2), "scale_factor": np.ones(1)}
    return _with(net, "l1", {name: array.astype(np.float32) for name, array in statistics.items()})


def _with(net, name, weights):
    return net.replace(
        layers=tuple(e.replace(weights={**e.weights, **weights}) if e.name == name else e for e in net.layers)
    )


def _batch(net, seed):
    rng = np.random.default_rng(seed)
    shape = net.inputs["x0"].shape
    return rng.standard_normal(shape).astype(np.float32), rng.integers(0, 3, shape[0])


def _loss(net, images, labels):
    probabilities = net.forward({"x0": images})[net.outputs[0]].astype(np.float64)
    return -np.log(probabilities[np.arange(len(labels)), labels]).mean()


def _moved(net, keys, index, step):
    """Return the net with one weight moved, in every layer that shares it."""
    for layer, name in keys:
        array = net.layer(layer).weights[name].copy()
        array.flat[index] += np.float32(step)
        net = _with(net, layer, {name: array})
    return net


@pytest.mark.parametrize(
    "keys",
    [
        [("l0", "weight"), ("l4", "weight")],
        [("l0", "bias")],
        [("l2", "scale")],
        [("l2", "bias")],
        [("l3", "slope")],
        [("l7", "weight")],
        [("l7", "bias")],
    ],
    ids=str,
)
def test_finite_differences(keys):
    """Central differences with a step of 1e-2 err by its square times a third derivative of order one.

    The loss itself is rounded to f32: 1e-7 over a step of 2e-2 adds less than 1e-4.
    """
    net = _net()
    images, labels = _batch(net, 3)
    (found,) = weight_gradients(net, [(images, labels)])
    for index in range(net.layer(keys[0][0]).weights[keys[0][1]].size):
        up, down = (_loss(_moved(net, keys, index, step), images, labels) for step in (0.01, -0.01))
        for key in keys:
            assert found[key].flat[index] == pytest.approx((up - down) / 0.02, abs=1e-3)


def test_every_learned_weight_of_every_batch():
    net = _net()
    found = list(weight_gradients(net, (_batch(net, seed) for seed in (1, 2))))
    assert len(found) == 2
    expected = {(e.name, name): array.shape for e in net.layers for name, array in e.weights.items() if e.name != "l1"}
    for gradients in found:
        assert {key: array.shape for key, array in gradients.items()} == expected
        assert all(array.dtype == np.float32 and array.flags.c_contiguous for array in gradients.values())
        assert all(np.abs(array).max() > 0 for array in gradients.values())
    assert not np.array_equal(found[0]["l0", "weight"], found[1]["l0", "weight"])


def test_labels_of_any_integer_type_and_read_only_images():
    net = _net()
    images, labels = _batch(net, 1)
    (expected,) = weight_gradients(net, [(images, labels)])
    images.flags.writeable = False
    (found,) = weight_gradients(net, [(images, labels.astype(np.uint8))])
    assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_weights_that_no_loss_reads_have_gradients_of_zero():
    net = _net()
    side = Layer("side", InnerProduct(num_output=2), ("x4",), ("side",))
    net = net.replace(layers=(*net.layers, side), outputs=(*net.outputs, "side"))
    shapes = net.weight_shapes(net.layer("side"))
    net = _with(net, "side", {name: np.ones(shape, np.float32) for name, shape in shapes.items()})
    (found,) = weight_gradients(net, [_batch(net, 1)])
    assert not found["side", "weight"].any()
    assert found["side", "weight"].shape == shapes["weight"]


def test_a_net_without_weights_is_refused():
    with pytest.raises(WeightsError):
        next(weight_gradients(siamese_net(), []))


@pytest.mark.parametrize("axes", list(NAMES), ids=list(NAMES.values()))
@pytest.mark.parametrize("name", ["grouped deconvolution", "residual"])
def test_finite_differences_over_lines_images_and_volumes(name, axes):
    """As above; of each filter's weights the first and the last."""
    net = net_over(axes, name)
    rng = np.random.default_rng(5)
    images, labels = rng.standard_normal(net.inputs["data"].shape).astype(np.float32), np.array([0, 2])
    (found,) = weight_gradients(net, [(images, labels)])

    def loss(moved):
        logits = moved.forward({"data": images})["fc"].astype(np.float64)
        return (np.log(np.exp(logits).sum(1)) - logits[np.arange(2), labels]).mean()

    for layer in net.layers:
        for index in (0, -1) if "weight" in layer.weights else ():
            keys = [(layer.name, "weight")]
            up, down = (loss(_moved(net, keys, index, step)) for step in (0.003, -0.003))
            gradient = found[layer.name, "weight"]
            assert gradient.shape == layer.weights["weight"].shape
            assert gradient.flat[index] == pytest.approx((up - down) / 0.006, abs=3e-3)
