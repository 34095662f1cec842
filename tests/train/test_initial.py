"""Weights to train from scratch."""

import numpy as np
import pytest

from tests.frontend.onnx.onnx_checks import one_layer_net
from tests.train.sharing import siamese_net
from xdn.layers.batchnorm import BatchNorm
from xdn.layers.bias import Bias
from xdn.layers.bn import BN
from xdn.layers.convolution import Convolution
from xdn.layers.deconvolution import Deconvolution
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.prelu import PReLU
from xdn.layers.scale import Scale
from xdn.train.initial import fresh


@pytest.mark.parametrize(
    ("params", "shape", "fan_in"),
    [
        (Convolution(num_output=64, kernel_size=(3,), group=2), (1, 32, 3, 3), 144),
        (Deconvolution(num_output=64, kernel_size=(3,), group=2), (1, 32, 3, 3), 144),
        (InnerProduct(num_output=100), (1, 200), 200),
        (InnerProduct(num_output=100, transpose=True), (1, 200), 200),
    ],
    ids=repr,
)
def test_filters_are_he_normal(params, shape, fan_in):
    """The deviation of n normal values errs by 1 / sqrt(2 n) of itself: five of these are allowed."""
    weights = fresh(one_layer_net(params, shape), 3).layer("one").weights
    deviation, n = weights["weight"].std(), weights["weight"].size
    assert abs(deviation / (2 / fan_in) ** 0.5 - 1) < 5 / (2 * n) ** 0.5
    assert weights["weight"].dtype == np.float32
    assert not weights["bias"].any()


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (BatchNorm(), {"mean": 0, "variance": 1, "scale_factor": 1}),
        (BatchNorm(scale_bias=True), {"mean": 0, "variance": 1, "scale_factor": 1, "scale": 1, "bias": 0}),
        (BN(), {"scale": 1, "shift": 0, "mean": 0, "variance": 1}),
        (Scale(bias_term=True), {"scale": 1, "bias": 0}),
        (Bias(), {"bias": 0}),
        (PReLU(), {"slope": 0.25}),
        (PReLU(channel_shared=True), {"slope": 0.25}),
    ],
    ids=repr,
)
def test_the_other_weights(params, expected):
    weights = fresh(one_layer_net(params, (2, 3, 4, 5)), 3).layer("one").weights
    assert {name: set(array.ravel().tolist()) for name, array in weights.items()} == {
        name: {value} for name, value in expected.items()
    }
    assert all(array.dtype == np.float32 for array in weights.values())


def test_the_seed_decides_and_present_weights_do_not():
    net = one_layer_net(InnerProduct(num_output=3), (2, 4))
    once = fresh(net, 1)
    assert once.digest == fresh(once, 1).digest
    assert once.digest != fresh(net, 2).digest


def test_what_is_shared_is_one_array():
    made = fresh(siamese_net(), 1)
    left, right = made.layer("left").weights, made.layer("right").weights
    np.testing.assert_array_equal(left["weight"], right["weight"])
