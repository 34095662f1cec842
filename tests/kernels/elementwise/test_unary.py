"""Rounding, the sign and the test for NaN, against the NumPy reference, bit for bit; the others stay whole layers."""

import numpy as np
import pytest

from tests.kernels.checks import check_net, feed_for, one_layer_net
from xdn.runtime.parts import WholePart
from xdn.runtime.session import Session

_OTHERS = ("FLOOR", "CEIL", "TRUNC", "IS_NAN")


@pytest.mark.parametrize(
    "operation", ["ROUND", "SIGN", *(pytest.param(each, marks=pytest.mark.slow) for each in _OTHERS)]
)
def test_operations(operation):
    net = one_layer_net("Unary", (16,), operation=operation)
    feed = feed_for(net)
    feed["x0"] *= 4
    feed["x0"][0] = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0, -0.0, np.nan, np.inf, -np.inf, 2**22 + 0.5, *[2**24 - 1] * 4]
    check_net(net, feed=feed)


def test_trigonometry_has_no_kernel():
    session = Session(one_layer_net("Unary", (5,), operation="SIN"), threads=1)
    assert [type(part) for part in session.parts] == [WholePart]
