"""Depthwise convolution of one image by tap lists: groups of channels, odd numbers of vectors, other windows."""

import pytest

from tests.kernels.checks import LANES, activated, check_layer, sums
from xdn.graph import Epilogue
from xdn.kernels.depthwise import channel as depthwise
from xdn.layers.prelu import PReLU


@pytest.mark.parametrize("channels", [1, LANES, LANES + 1, 2 * LANES, 5 * LANES - 3])
@pytest.mark.parametrize(
    "window",
    [
        {"kernel_size": 7, "pad": 3},
        {"kernel_size": 6, "pad": 1, "stride": 2},
        {"kernel_size": 3, "pad": 2, "dilation": 2},
        {"kernel_h": 1, "kernel_w": 3, "pad_h": 0, "pad_w": 1, "stride_h": 2, "stride_w": 1},
    ],
    ids=str,
)
def test_windows_and_channels(channels, window):
    check_layer("Convolution", (channels, 9, 6), num_output=channels, group=channels, allowed=sums, batch=3, **window)


def test_several_groups_of_channels(monkeypatch):
    monkeypatch.setattr(depthwise, "_FIRST_CACHE_BYTES", 0)
    channels = 3 * depthwise.VECTORS * LANES + LANES
    epilogue = Epilogue(residual=True, activation=PReLU())
    check_layer(
        "Convolution",
        (channels, 4, 7),
        allowed=activated,
        epilogue=epilogue,
        batch=3,
        num_output=channels,
        group=channels,
        kernel_size=3,
        pad=2,
        dilation=2,
    )
