"""Depthwise convolution by tiles of neighbouring positions: windows, borders, tiles, parts of the work."""

from math import prod

import numpy as np
import pytest

from tests.kernels.checks import LANES, activated, assert_within, check_layer, feed_for, one_layer_net, sums
from xdn.codegen.target import TARGETS, host_target, target_named
from xdn.graph import Epilogue
from xdn.kernels.core.choice import Choice
from xdn.kernels.core.layout import CHANNEL, BlockLayout
from xdn.kernels.depthwise import sliding
from xdn.layers.prelu import PReLU
from xdn.layers.window import Window
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


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
@pytest.mark.parametrize("window", [Window((3, 3), pad=(1, 1)), Window((5, 5), (2, 2), (2, 2))], ids=str)
def test_tiles_fit_into_the_registers_and_the_map(target, window):
    top = BlockLayout(LANES, 7, 6, target=host_target(), schedule=CHANNEL)
    tiles = sliding.tiles_for(window, top, target)
    assert sliding.best_tile(window, top, target) in tiles
    for rows, columns in tiles:
        assert rows <= 7
        assert columns <= 6
        _, width = sliding.Sliding(window.kernel, window.stride[0], (rows, columns)).patch
        assert rows * columns + width < target.registers


@pytest.mark.parametrize("side", [14, 28, 56])
def test_tiles_that_share_little_are_small(side):
    """Windows that move by two share little: a large tile would wait for its patch longer than it saves."""
    target, top = target_named("avx512f"), BlockLayout(LANES, side, side, target=host_target(), schedule=CHANNEL)
    one, two = (
        sliding.Sliding.of(window, sliding.best_tile(window, top, target))
        for window in (Window((3, 3), pad=(1, 1)), Window((3, 3), (2, 2), (1, 1)))
    )
    assert prod(two.tile) < prod(one.tile)
    # Not as small as a tile that shares nothing.
    assert prod(two.patch) < 9 * prod(two.tile)


@pytest.mark.parametrize("side", [28, 56])
def test_weights_that_no_registers_keep_widen_tiles(side):
    """They are loaded for each row of a tile: with few positions in a row they would be most of what is loaded."""
    target, top = target_named("avx512f"), BlockLayout(LANES, side, side, target=host_target(), schedule=CHANNEL)
    kept, loaded = (sliding.best_tile(Window((k, k), (2, 2), (k // 2, k // 2)), top, target) for k in (3, 5))
    assert loaded[1] > kept[1]


def test_patches_cover_the_map_and_stay_inside():
    window = Window((3, 3), (2, 2), (1, 1))
    bottom, top = (BlockLayout(LANES, *size, target=host_target(), schedule=CHANNEL) for size in ((9, 8), (5, 4)))
    slide = sliding.Sliding((3, 3), 2, (2, 3))
    table = sliding.patch_table(slide, window, bottom, top)
    places, outputs = table[:, : 5 * 7], table[:, 5 * 7 :]
    assert len(table) == 3 * 2
    assert set(outputs.ravel()) == set(range(0, 20 * LANES, LANES))
    assert places.max() < 9 * 8 * LANES
    # The first patch begins one row and one column over the border, the middle of its first window is the first value.
    assert (places[0].reshape(5, 7)[0] == -1).all()
    assert places[0].reshape(5, 7)[1, 1] == 0


def test_groups_are_as_few_as_share_the_work():
    assert sliding._group_table(9, 1000).tolist() == [[0, 9]]
    assert np.diff(sliding._group_table(9, 16)).ravel().tolist() == [4, 5]
    assert len(sliding._group_table(3, 1)) == 3
