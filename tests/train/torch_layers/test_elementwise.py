"""Layers that work element by element, in PyTorch."""

import numpy as np
import pytest
import torch

from tests.frontend.onnx.onnx_checks import one_layer_net
from tests.layers.formulas import DIFFERENTIABLE, FORMULAS
from tests.train.checks import check_gradients, check_layer, check_refuses_gradients, check_values, gradients
from xdn.graph import Layer
from xdn.layers.convolution import Convolution
from xdn.layers.dropout import Dropout
from xdn.layers.elu import ELU
from xdn.layers.exp import Exp
from xdn.layers.log import Log
from xdn.layers.power import Power
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.layers.relu6 import ReLU6
from xdn.layers.sigmoid import Sigmoid
from xdn.layers.tanh import TanH
from xdn.layers.threshold import Threshold
from xdn.train.initial import fresh
from xdn.train.module import NetModule

SHAPES = [(2, 3, 4, 5), (2, 3), (4, 3, 2)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "params",
    [ReLU(), ReLU(negative_slope=0.2), ELU(alpha=0.7), Sigmoid(), TanH(), PReLU(), PReLU(channel_shared=True)],
    ids=repr,
)
def test_activations(params, shape):
    check_layer(params, shape)


@pytest.mark.parametrize("params", [Dropout(), Dropout(dropout_ratio=0.3, scale_train=False)], ids=repr)
def test_dropout_at_test_time(params):
    check_layer(params, (2, 3, 4))


@pytest.mark.parametrize(("scale_train", "kept"), [(True, 1 / 0.75), (False, 1)])
def test_dropout_in_training(scale_train, kept):
    """The ratio is the share that is dropped; 10,000 draws of 0.25 err by less than five standard deviations."""
    module = NetModule(one_layer_net(Dropout(dropout_ratio=0.25, scale_train=scale_train), (1, 10000)))
    torch.manual_seed(0)
    found = module(torch.ones(1, 10000)).numpy()
    assert set(np.unique(found)) == {np.float32(0), np.float32(kept)}
    assert abs((found == 0).mean() - 0.25) < 5 * (0.25 * 0.75 / 10000) ** 0.5


@pytest.mark.parametrize("slope", [0.0, 0.2, -0.2])
def test_gradients_of_an_overwriting_relu(slope):
    """The ReLU after a convolution may overwrite its result; where the result is asked for, it may not."""
    net = one_layer_net(Convolution(num_output=4, kernel_size=(3,)), (2, 3, 6, 6))
    net = fresh(net.replace(layers=(*net.layers, Layer("relu", ReLU(slope), ("y0",), ("y1",))), outputs=("y1",)), 0)
    module, x = NetModule(net), torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    gradients = []
    for names in (("y1",), ("y0", "y1")):
        module.zero_grad()
        module.blobs(x, names)["y1"].square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in module.parameters()])
    for one, other in zip(*gradients, strict=True):
        assert torch.equal(one, other)
    blobs = module.blobs(x, ("y0", "y1"))
    assert blobs["y0"].min() < 0
    assert torch.equal(blobs["y1"], torch.where(blobs["y0"] > 0, blobs["y0"], slope * blobs["y0"]))


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3), (4, 3, 2)])
@pytest.mark.parametrize("params", FORMULAS, ids=repr)
def test_pointwise(params, shape):
    check_layer(params, shape)


@pytest.mark.parametrize("params", DIFFERENTIABLE, ids=repr)
def test_gradients(params):
    check_gradients(params, (2, 3, 4, 5))


@pytest.mark.parametrize("params", [p for p in DIFFERENTIABLE if not isinstance(p, (Exp, Log, Power))], ids=repr)
def test_far_from_zero(params):
    """Nothing overflows, and bounds hold, where the functions have become constants or straight lines."""
    x = np.array([[-1e4, -100, -30, -6, -3, -0.0], [0.0, 3, 6, 30, 100, 1e4]], np.float32)
    check_values(params, x)
    assert torch.isfinite(gradients(params, x)[0]).all()


def test_the_power_0_has_the_gradient_0():
    (gradient,) = gradients(Power(power=0.0, shift=-1.0), np.array([[0.0, 1.0, 2.0]], np.float32))
    assert gradient.tolist() == [[0, 0, 0]]


def test_threshold_has_no_gradient():
    check_refuses_gradients(Threshold(threshold=0.5), np.array([[0.0, 0.5, 0.75]], np.float32))


def test_gradients_of_an_overwriting_relu6():
    """It may overwrite the result of a convolution; where the result is asked for, it may not."""
    net = one_layer_net(Convolution(num_output=4, kernel_size=(3,)), (2, 3, 6, 6))
    net = net.replace(layers=(*net.layers, Layer("relu6", ReLU6(), ("y0",), ("y1",))), outputs=("y1",))
    module, x = NetModule(net), torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    found = []
    for names in (("y1",), ("y0", "y1")):
        module.zero_grad()
        module.blobs(x, names)["y1"].square().sum().backward()
        found.append([parameter.grad.clone() for parameter in module.parameters()])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)
    blobs = module.blobs(x, ("y0", "y1"))
    assert blobs["y0"].min() < 0
    assert blobs["y0"].max() > 6
    assert torch.equal(blobs["y1"], blobs["y0"].clamp(0, 6))
