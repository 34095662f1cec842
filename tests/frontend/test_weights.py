"""Weights that come from no file, and arrays that layers share."""

import numpy as np
import pytest

import xdn.settings
from tests.frontend.caffe.weights.test_assign import SHARED, ip, net_of
from xdn.errors import WeightsError
from xdn.frontend.weights import random_weights
from xdn.graph import Epilogue, Layer, Net
from xdn.layers.convolution import Convolution
from xdn.layers.input import Input


def test_shared_weights_of_another_size():
    net = net_of(ip("a", "data", params=SHARED), ip("b", "a", 3, params=SHARED))
    with pytest.raises(WeightsError, match=r"layer 'b'.*shares 'w'"):
        random_weights(net)


def test_random_weights_are_seeded_and_sane():
    net = net_of(ip("a", "data", 500), ip("b", "a", 500))
    first, again, other = random_weights(net), random_weights(net), random_weights(net, seed=1)
    assert first.digest == again.digest != other.digest
    weight = first.layer("b").weights["weight"]
    assert weight.dtype == np.float32
    # He et al.: variance 2 / fan-in; 250,000 samples, so the deviation is within 1 %.
    assert weight.std() == pytest.approx((2 / 500) ** 0.5, rel=0.01)


def test_random_weights_of_a_projection_are_those_of_a_layer_of_its_own():
    conv = Convolution(num_output=64, kernel_size=(1,))
    fused = Layer("c", conv, ("data", "data"), ("c",), epilogue=Epilogue(projection=conv))
    weights = random_weights(Net("n", (Layer("in", Input(((1, 32, 1, 1),)), (), ("data",)), fused))).layer("c").weights
    for name in ("weight", "bias"):
        np.testing.assert_allclose(weights[f"projection.{name}"].std(), weights[name].std(), rtol=0.3)


def test_random_statistics_of_batch_norm_are_possible_ones():
    net = net_of('layer { name: "bn" type: "BatchNorm" bottom: "data" top: "bn" }')
    weights = random_weights(net).layer("bn").weights
    assert (weights["variance"] > 0).all()
    assert weights["scale_factor"].tolist() == [1]


def test_random_weights_are_bounded(monkeypatch):
    monkeypatch.setattr(xdn.settings, "MAX_CAFFEMODEL_BYTES", 20)
    with pytest.raises(WeightsError, match="24 bytes"):
        random_weights(net_of(ip("a", "data")))
