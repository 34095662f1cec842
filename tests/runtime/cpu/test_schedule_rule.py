"""Which schedule runs so many images where the caller leaves it open, and what decides it: memory traffic."""

import numpy as np
import pytest

from tests.kernels.checks import B, feed_for, input_layer, make_params, random_weights, with_cache
from xdn import settings
from xdn.codegen.target import host_target
from xdn.graph import Layer, Net
from xdn.kernels.core.layout import BATCH, CHANNEL
from xdn.runtime.cpu import schedule_rule
from xdn.runtime.cpu.schedule_rule import ScheduleRule, bytes_per_mac
from xdn.runtime.session import Session

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


def _convolution(side, **params):
    params = make_params("Convolution", kernel_size=3, pad=1, **params)
    net = Net("one", (input_layer("x", 32, side, side), Layer("c", params, ("x",), ("c",))), ("c",))
    return random_weights(net, np.random.default_rng(0))


def _shapes(net):
    return {name: blob.shape[1:] for name, blob in net.inputs.items()}


@pytest.fixture
def small_cache(monkeypatch):
    """Let a core's cache be so small that each blob passes the memory."""
    with_cache(monkeypatch, 1000)


def test_bottom_and_top_count_for_each_product(small_cache):
    net = _convolution(8, num_output=32)
    assert bytes_per_mac(net, _shapes(net)) == pytest.approx(2 * 4 * 32 * 64 / (64 * 9 * 32 * 32))


def test_what_stays_in_cache_is_not_moved():
    net = _convolution(8, num_output=32)
    assert 8 * host_target().core_cache_bytes > 2 * B * 4 * 32 * 64
    assert bytes_per_mac(net, _shapes(net)) == 0


def test_nets_with_little_arithmetic_go_image_by_image(small_cache):
    depthwise, dense = _convolution(8, num_output=32, group=32), _convolution(8, num_output=32)
    for net, many in ((depthwise, CHANNEL), (dense, BATCH)):
        session = Session(net, threads=1)
        session.run(None, feed_for(net, 4 * B))
        assert session.plan().schedule is many
        session.run(None, feed_for(net, 1))
        assert session.plan().schedule is CHANNEL
        # Who asks for a schedule gets it.
        assert Session(net, threads=1, schedule="batch").plan(images=4 * B).schedule is BATCH


def test_a_net_without_products(small_cache):
    net = Net("relu", (input_layer("x", 4, 3, 3), Layer("r", make_params("ReLU"), ("x",), ("r",))), ("r",))
    assert bytes_per_mac(net, _shapes(net)) > 0
