"""Which schedule runs so many images where the caller leaves it open."""

import numpy as np
import pytest

from tests.kernels.checks import B, input_layer, make_params, random_weights
from xdn import settings
from xdn.graph import Layer, Net
from xdn.kernels.core.layout import BATCH, CHANNEL
from xdn.runtime.cpu import schedule_rule
from xdn.runtime.cpu.schedule_rule import ScheduleRule

SHAPES = {"x": (8, 6, 6)}


@pytest.fixture(scope="module")
def net():
    """Return a net with much arithmetic for its bytes."""
    params = make_params("Convolution", num_output=8, kernel_size=3, pad=1)
    net = Net("one", (input_layer("x", 8, 6, 6), Layer("c", params, ("x",), ("c",))), ("c",))
    return random_weights(net, np.random.default_rng(0))


def test_full_blocks_are_vectors_of_images_and_few_images_are_not(net):
    rule = ScheduleRule(net, 2)
    assert rule.schedule(SHAPES, 1) is CHANNEL
    assert rule.schedule(SHAPES, 2 * B) is BATCH
    # Each thread more has a block more to fill.
    assert ScheduleRule(net, 64).schedule(SHAPES, 2 * B) is CHANNEL


@pytest.mark.parametrize(("name", "value"), [("bytes_per_mac", settings.MOST_BYTES_PER_MAC + 1), ("block_fits", False)])
def test_blocks_that_move_much_or_do_not_fit_go_image_by_image(net, monkeypatch, name, value):
    monkeypatch.setattr(schedule_rule, name, lambda *args: value)
    assert ScheduleRule(net, 1).schedule(SHAPES, 4 * B) is CHANNEL


def test_what_shapes_decide_is_asked_once_for_each_of_them(net, monkeypatch):
    asked = []
    monkeypatch.setattr(schedule_rule, "bytes_per_mac", lambda net, shapes: asked.append(shapes["x"]) or 0)
    rule = ScheduleRule(net, 1)
    for side in (6, 7, 6, 7):
        assert rule.schedule({"x": (8, side, side)}, 4 * B) is BATCH
    assert asked == [(8, 6, 6), (8, 7, 7)]
