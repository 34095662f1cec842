"""Softplus against PyTorch, ONNX Runtime and OpenCV, and its kernels, alone and fused, against the reference."""

import numpy as np
import pytest

from tests.kernels.checks import check_layer as check_kernels
from tests.kernels.checks import check_net, close, feed_for, one_layer_net, random_weights
from tests.layers.opencv import run_opencv
from tests.layers.oracles import FEW, check_carried, check_layer, compute, normal, run_onnx
from tests.pytorch import torch
from xdn.graph import Epilogue, Layer
from xdn.layers.bnll import BNLL
from xdn.layers.softplus import Softplus
from xdn.optimize import POST_FUSION, apply_stages, stage_names
from xdn.runtime.session import Session


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (3, 4)])
def test_reference(rng, shape):
    x = 5 * normal(rng, *shape)
    # The oracles take the logarithm of 1 + exp(-|x|): an error relative to 1, and not to the result.
    bound = {"roundings": FEW, "magnitude": np.maximum(np.abs(x), 1)}
    check_layer(Softplus(), [x], torch.nn.functional.softplus(torch.from_numpy(x)).numpy(), **bound)
    check_layer(Softplus(), [x], run_onnx("Softplus", [x]), **bound)
    check_layer(Softplus(), [x], run_opencv(Softplus(), [x]), **bound)


def test_limits():
    (top,) = compute(Softplus(), [np.array([-np.inf, -200, 0, 200, 3e38, np.inf, np.nan], np.float32)])
    np.testing.assert_array_equal(top, np.array([0, 0, np.log(2), 200, 3e38, np.inf, np.nan], np.float32))


def test_channels_are_carried(rng):
    check_carried(Softplus(), [normal(rng, 2, 4, 3, 3)], rng)


@pytest.mark.parametrize("image", [(10, 5, 3), (37,)])
def test_the_kernel(image):
    # The errors of exp, of log, and of the quotient that mends what 1 + e**x rounds away.
    check_kernels("Softplus", image, allowed=close(16))


def test_the_bits_of_bnll():
    feed = feed_for(one_layer_net("Softplus", (10,)))
    feed["x0"][0, :6] = [np.nan, np.inf, -np.inf, -0.0, 3e38, -87.0]
    found, expected = (Session(one_layer_net(cls.type, (10,))).run(None, feed)[0] for cls in (Softplus, BNLL))
    np.testing.assert_array_equal(found, expected)


def test_a_convolution_applies_it_to_the_bit():
    head = one_layer_net("Convolution", (10, 4, 3), num_output=17, kernel_size=3, pad=1)
    layer = head.layers[-1]
    net = head.replace(layers=(*head.layers, Layer("last", Softplus(), layer.tops, ("z",))), outputs=("z",))
    net = random_weights(net, np.random.default_rng(3))
    fused = apply_stages(net, stage_names(POST_FUSION))
    assert fused.layers[-1].epilogue == Epilogue(activation=Softplus())
    feed = feed_for(net)
    (alone,), (together,) = (Session(each).run(None, feed) for each in (net, fused))
    np.testing.assert_array_equal(together, alone)
    check_net(fused, lambda net, feed, expected: np.full_like(expected, 1e-4), feed)
