"""Layers that map every element on its own by a formula, in ONNX."""

import numpy as np
import pytest

from tests.frontend.onnx.onnx_checks import check_layer, check_net, check_values, one_layer_net
from tests.layers.formulas import FORMULAS
from xdn.graph import Epilogue
from xdn.layers.convolution import Convolution
from xdn.layers.exp import Exp
from xdn.layers.hsigmoid import HSigmoid
from xdn.layers.hswish import HSwish
from xdn.layers.log import Log
from xdn.layers.power import Power
from xdn.layers.relu6 import ReLU6
from xdn.layers.swish import Swish


@pytest.mark.parametrize("shape", [(3, 4, 5, 2), (3, 4)])
@pytest.mark.parametrize("params", FORMULAS, ids=repr)
def test_pointwise(params, shape):
    check_layer(params, shape)


@pytest.mark.parametrize(
    "params",
    [p for p in FORMULAS if not isinstance(p, (Exp, Log, Power)) or p == Power(power=0.0)],
    ids=repr,
)
def test_far_from_zero(params):
    """Nothing overflows, and bounds hold, where the functions have become constants or straight lines."""
    check_values(params, np.array([[-1e4, -100, -30, -6, -3, -0.0], [0.0, 3, 6, 30, 100, 1e4]], np.float32))


@pytest.mark.parametrize("activation", [ReLU6(), Swish(beta=0.5), HSwish(), HSigmoid()], ids=repr)
@pytest.mark.parametrize("residual", [False, True])
def test_after_a_convolution(activation, residual):
    params = Convolution(num_output=4, kernel_size=(3,), pad=(1,))
    shapes = [(2, 3, 5, 5), (2, 4, 5, 5)][: 1 + residual]
    check_net(one_layer_net(params, *shapes, epilogue=Epilogue(residual, activation)), batches=(3,))
