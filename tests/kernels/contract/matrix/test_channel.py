"""Contractions by tiles in the channel schedule touch nothing outside their blobs."""

import os

import pytest

from tests.kernels.checks import BATCH, feed_for, one_layer_net
from tests.kernels.contract.matrix.tiled import tiled_kernels
from xdn.kernels.core.layout import SCHEDULES
from xdn.runtime.session import Session


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize(
    ("type_name", "image", "params"),
    [
        ("Convolution", (67, 5, 4), {"kernel_size": 5, "pad": 2}),
        ("Convolution", (64, 5, 9), {"kernel_size": 3, "pad": 1, "stride": 2}),
        ("Convolution", (64, 3, 5), {"kernel_size": 1}),
        ("Convolution", (64, 9, 1), {"kernel_h": 3, "kernel_w": 1, "stride": (2, 5)}),
        ("InnerProduct", (64, 2, 3), {}),
    ],
)
def test_nothing_outside_is_touched(emulated, type_name, image, params):
    from tests.runtime import guarded

    net = one_layer_net(type_name, image, num_output=61, **params)
    for schedule in SCHEDULES:
        assert tiled_kernels(Session(net, schedule=schedule))
        case = guarded.Guarded(net, feed_for(net, BATCH), schedule=schedule)
        assert guarded.outcome([guarded.Run(case, net.outputs, 1)], guarded.SIDES) == "right"
