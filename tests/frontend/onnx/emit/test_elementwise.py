"""Layers that work element by element, in ONNX."""

import pytest

from tests.frontend.onnx.onnx_checks import check_layer
from xdn.layers.axpy import Axpy
from xdn.layers.dropout import Dropout
from xdn.layers.eltwise import Eltwise
from xdn.layers.elu import ELU
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.layers.sigmoid import Sigmoid
from xdn.layers.split import Split
from xdn.layers.tanh import TanH

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
@pytest.mark.parametrize("operation", ["PROD", "SUM", "MAX"])
def test_eltwise(operation, count):
    check_layer(Eltwise(operation=operation), *[(2, 3, 4, 5)] * count)


def test_weighted_sum():
    check_layer(Eltwise(operation="SUM", coeff=(1.0, -0.5, 2.0)), *[(2, 3, 4)] * 3)


@pytest.mark.parametrize("factors", [(2, 3), (2, 3, 1), (2, 3, 1, 1)])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3, 4), (2, 3)])
def test_axpy(shape, factors):
    check_layer(Axpy(), factors, shape, shape)


@pytest.mark.parametrize("n_tops", [1, 3])
def test_split(n_tops):
    check_layer(Split(), (2, 3, 4, 5), n_tops=n_tops)
