"""Depthwise convolution by tiles of neighbouring positions: windows, borders, tiles, parts of the work."""

import numpy as np
import pytest

from tests.kernels.checks import LANES, activated, assert_within, check_layer, feed_for, one_layer_net, sums
from xdn.graph import Epilogue
from xdn.kernels.core.choice import Choice
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.depthwise import sliding
from xdn.layers.prelu import PReLU
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.session import Session


def _kernel_of(net):
    plan = make_plan(net, {"x0": net.blobs["x0"].shape[1:]}, net.outputs, schedule=CHANNEL)
    return next(step.source.name.op for step in plan.steps if "planes" not in step.source.name.op)


@pytest.mark.parametrize(
    ("window", "slides"),
    [
        ({"kernel_size": 3, "pad": 1}, True),
        ({"kernel_size": 3, "pad": 1, "stride": 2}, True),
        ({"kernel_size": 5, "pad": 2}, True),
        ({"kernel_h": 2, "kernel_w": 4}, True),
        ({"kernel_size": 6, "pad": 2}, False),
        ({"kernel_size": 3, "pad": 2, "dilation": 2}, False),
        ({"kernel_size": 3, "stride_h": 1, "stride_w": 2}, False),
        ({"kernel_size": 1, "stride": 2}, False),
    ],
    ids=str,
)
def test_which_windows_slide(window, slides):
    net = one_layer_net("Convolution", (5, 9, 6), num_output=5, group=5, **window)
    assert _kernel_of(net).startswith("channel_sliding") == slides
    check_layer("Convolution", (5, 9, 6), num_output=5, group=5, allowed=sums, batch=3, **window)


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (7, 7), (14, 9), (5, 31)])
@pytest.mark.parametrize("channels", [LANES - 1, 3 * LANES])
def test_maps_that_tiles_do_not_divide(channels, size):
    epilogue = Epilogue(residual=True, activation=PReLU())
    window = {"kernel_size": 3, "pad": 1}
    check_layer(
        *("Convolution", (channels, *size)), num_output=channels, group=channels, allowed=activated, epilogue=epilogue,
        batch=3, **window,
    )  # fmt: skip


def test_every_tile_computes_the_layer():
    net = one_layer_net("Convolution", (LANES, 6, 5), num_output=LANES, group=LANES, kernel_size=3, pad=1, stride=1)
    feed = feed_for(net, 2)
    expected = net.with_batch(2).forward(feed)["y0"]
    tiles = [(1, 1), (1, 5), (2, 3), (4, 2), (6, 1)]
    for tile in tiles:
        configuration = Configuration(2, schedule="channel", choices={"channel": {"layer": Choice("direct", tile)}})
        found = Session(net, configuration=configuration).run(None, feed)[0]
        assert_within(found, expected, sums(net, feed, expected))


def test_groups_are_as_few_as_share_the_work():
    assert sliding._group_table(9, 1000).tolist() == [[0, 9]]
    assert np.diff(sliding._group_table(9, 16)).ravel().tolist() == [4, 5]
    assert len(sliding._group_table(3, 1)) == 3
