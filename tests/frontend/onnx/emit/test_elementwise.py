"""Layers that work element by element, in ONNX."""

import numpy as np
import pytest

from tests.frontend.onnx.onnx_checks import check_layer, check_net, check_values, one_layer_net
from tests.layers.formulas import FORMULAS
from xdn.graph import Epilogue
from xdn.layers.axpy import Axpy
from xdn.layers.binary import Binary
from xdn.layers.convolution import Convolution
from xdn.layers.dropout import Dropout
from xdn.layers.eltwise import Eltwise
from xdn.layers.elu import ELU
from xdn.layers.exp import Exp
from xdn.layers.hsigmoid import HSigmoid
from xdn.layers.hswish import HSwish
from xdn.layers.log import Log
from xdn.layers.power import Power
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.layers.relu6 import ReLU6
from xdn.layers.sigmoid import Sigmoid
from xdn.layers.split import Split
from xdn.layers.swish import Swish
from xdn.layers.tanh import TanH
from xdn.layers.unary import NAMES, Unary

SHAPES = [(3, 4, 5, 2), (3, 4)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "params",
    [
        ReLU(),
        ReLU(negative_slope=0.1),
        PReLU(),
        PReLU(channel_shared=True),
        ELU(alpha=0.7),
        Sigmoid(),
        TanH(),
        Dropout(dropout_ratio=0.25),
        Dropout(dropout_ratio=0.25, scale_train=False),
    ],
    ids=repr,
)
def test_activation(params, shape):
    check_layer(params, shape)


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("operation", ["PROD", "SUM", "MAX", "MIN"])
def test_eltwise(operation, count):
    check_layer(Eltwise(operation=operation), *[(2, 3, 4, 5)] * count)


def test_quotient():
    check_layer(Eltwise(operation="DIV"), (2, 3), (2, 3))


def test_weighted_sum():
    check_layer(Eltwise(operation="SUM", coeff=(1.0, -0.5, 2.0)), *[(2, 3, 4)] * 3)


@pytest.mark.parametrize("factors", [(2, 3), (2, 3, 1), (2, 3, 1, 1)])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3, 4), (2, 3)])
def test_axpy(shape, factors):
    check_layer(Axpy(), factors, shape, shape)


@pytest.mark.parametrize("n_tops", [1, 3])
def test_split(n_tops):
    check_layer(Split(), (2, 3, 4, 5), n_tops=n_tops)


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


@pytest.mark.parametrize("operation", NAMES)
def test_unary(operation):
    x = np.float32([[-2.5, -0.5, 0, 0.5, 1.5, 2.5]])
    # ACOSH is defined from 1 on, others between -1 and 1.
    x = x + 4 if operation == "ACOSH" else x / 4 if operation in ("ASIN", "ACOS", "ATANH") else x
    check_values(Unary(operation=operation), x)


@pytest.mark.parametrize("operation", Binary.proto_fields()["operation"].values)
def test_binary(operation):
    x = np.float32([[1, 2, 3], [4, 5, 7]])
    check_values(Binary(operation=operation), x, np.float32([[2, 2, -3]]))
