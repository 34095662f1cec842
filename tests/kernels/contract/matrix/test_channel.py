"""How tiles walk over the positions of a map; that nothing outside a blob is touched; layers that share parts."""

import os

import numpy as np
import pytest

from tests.kernels.checks import BATCH, feed_for, one_layer_net
from tests.kernels.contract.matrix.tiled import tiled_kernels
from xdn.codegen.target import target_named
from xdn.kernels.contract.matrix.channel import tiles_of_walk, walk_over
from xdn.kernels.core.layout import CHANNEL, SCHEDULES, BlockLayout
from xdn.kernels.core.parts import PartsLayout
from xdn.layers.window import Window
from xdn.runtime.session import Session

TARGET = target_named("amx-emulated")


def _layout(height, width, border=(0, 0, 0, 0)):
    return PartsLayout.beside(BlockLayout(3, height, width, target=TARGET, schedule=CHANNEL), 3, border=border)


def _computed(window, layout, places):
    """Return the number of registers of the tiles, and result -> the position of x that its window begins at."""
    walk = walk_over(window, layout, places)
    tiles, spans = tiles_of_walk(walk, window.stride[1])
    found = {}
    for x, first, end in tiles.tolist():
        for low, high, result in spans[first:end].tolist():
            assert 0 <= low < high <= walk.registers * 16
            for row in range(low, high):
                assert result + row - low not in found
                found[result + row - low] = x + row * window.stride[1]
    return len(tiles) * walk.registers, found


@pytest.mark.parametrize("places", [(1, 1), (1, 40), (7, 7), (13, 16), (5, 33)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 1), (1, 3)])
@pytest.mark.parametrize("more", [0, 2])
def test_each_result_is_computed_once_from_its_own_window(places, stride, more):
    """Also where another reader of the parts has a larger border."""
    window = Window((3, 3), stride, (1, 1))
    height, width = ((count - 1) * each + 1 for count, each in zip(places, stride, strict=True))
    layout = _layout(height, width, (1 + more, 1, 1 + more, 1))
    _, found = _computed(window, layout, places)
    p, q = np.divmod(np.arange(places[0] * places[1]), places[1])
    firsts = (p * stride[0] + more) * layout.columns + q * stride[1] + more
    assert [found[i] for i in range(len(firsts))] == firsts.tolist()
    assert len(found) == len(firsts)


@pytest.mark.parametrize(
    ("window", "size", "border", "registers"),
    [
        (Window((1, 1)), (8, 8), (0, 0, 0, 0), 4),
        # 7 rows of 9 positions, of which 7 are results: one run.
        (Window((3, 3), pad=(1, 1)), (7, 7), (1, 1, 1, 1), 4),
        # 14 rows, each of them a register: 16 positions are those of a row and its border.
        (Window((3, 3), pad=(1, 1)), (14, 14), (1, 1, 1, 1), 14),
        (Window((1, 1)), (1, 1), (0, 0, 0, 0), 1),
    ],
)
def test_the_fewest_registers(window, size, border, registers):
    assert _computed(window, _layout(*size, border), size)[0] == registers


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize(
    ("type_name", "image", "params"),
    [
        ("Convolution", (67, 5, 4), {"kernel_size": 5, "pad": 2}),
        ("Convolution", (64, 5, 9), {"kernel_size": 3, "pad": 1, "stride": 2}),
        ("Convolution", (64, 3, 5), {"kernel_size": 1}),
        ("InnerProduct", (64, 2, 3), {}),
    ],
)
def test_nothing_outside_is_touched(emulated, type_name, image, params):
    from tests.runtime import guarded

    net = one_layer_net(type_name, image, num_output=61, **params)
    for schedule in SCHEDULES:
        assert tiled_kernels(Session(net, schedule=schedule))
        case = guarded.Guarded(net, feed_for(net, BATCH), schedule=schedule)
        for side in guarded.SIDES:
            assert guarded.outcome(case, net.outputs, 1, side) == "right"
