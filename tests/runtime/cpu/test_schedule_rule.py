"""Which schedule runs so many images where the caller leaves it open: the one that a roofline says is faster."""

from itertools import pairwise

import numpy as np
import pytest

from tests.kernels.checks import B, feed_for, input_layer, make_params, random_weights
from tests.kernels.machine.machines import MACHINES, target_of
from xdn.graph import Layer, Net
from xdn.kernels.core.layout import BATCH, CHANNEL
from xdn.runtime.cpu import schedule_rule
from xdn.runtime.cpu.schedule_rule import ScheduleRule
from xdn.runtime.machine import this_target
from xdn.runtime.session import Session

SHAPES = {"x": (8, 6, 6)}


def _chain(channels, side, count, **params):
    """Return a net of convolutions one after the other."""
    params = {"num_output": channels, "kernel_size": 3, "pad": 1} | params
    names = ["x", *(f"c{number}" for number in range(count))]
    layers = [Layer(top, make_params("Convolution", **params), (bottom,), (top,)) for bottom, top in pairwise(names)]
    net = Net("chain", (input_layer("x", channels, side, side), *layers), (names[-1],))
    return random_weights(net, np.random.default_rng(0))


def _shapes(net):
    return {name: blob.shape[1:] for name, blob in net.inputs.items()}


@pytest.fixture(scope="module")
def net():
    """Return a net with much arithmetic for its bytes, whose channels do not fill a vector."""
    return _chain(8, 6, 1)


def test_full_blocks_are_vectors_of_images_and_few_images_are_not(net):
    rule = ScheduleRule(net, 2, this_target())
    assert rule.schedule(SHAPES, 1) is CHANNEL
    assert rule.schedule(SHAPES, 2 * B) is BATCH
    # Each thread more has a block more to fill.
    assert ScheduleRule(net, 64, this_target()).schedule(SHAPES, 2 * B) is CHANNEL


def test_blocks_that_do_not_fit_go_image_by_image(net, monkeypatch):
    monkeypatch.setattr(schedule_rule, "block_fits", lambda *args: False)
    assert ScheduleRule(net, 1, this_target()).schedule(SHAPES, 4 * B) is CHANNEL


def test_what_shapes_decide_is_asked_once_for_each_of_them(net, monkeypatch):
    asked = []
    monkeypatch.setattr(schedule_rule, "block_fits", lambda net, shapes, *_: asked.append(shapes["x"]) or True)
    rule = ScheduleRule(net, 1, this_target())
    for side in (6, 7, 6, 7):
        assert rule.schedule({"x": (8, side, side)}, 4 * B) is BATCH
    assert asked == [(8, 6, 6), (8, 7, 7)]


def test_the_layers_are_summed_once_for_each_number_of_images(net, monkeypatch):
    """Each run asks: of a small net the sums would be a part of its time."""
    monkeypatch.setattr(schedule_rule, "_MOST_CHOSEN", 2)
    summed, rule = [], ScheduleRule(net, 1, this_target())
    cycles = rule._cycles
    monkeypatch.setattr(rule, "_cycles", lambda *args: summed.append(args[-1]) or cycles(*args))
    for images in (4 * B, 4 * B, 2 * B, 4 * B, B, 4 * B):
        assert rule.schedule(SHAPES, images) is BATCH
    # Both schedules each time; the third number is one too many, and the first is forgotten.
    assert summed == [4 * B] * 2 + [2 * B] * 2 + [B] * 2 + [4 * B] * 2


@pytest.mark.parametrize("name", MACHINES)
def test_depthwise_layers_of_large_images_go_image_by_image_on_all_machines(name):
    """A block of images passes the memory in every layer, while a cache keeps what one image leaves to the next."""
    target = target_of(MACHINES[name])
    large = _chain(64, 112, 3, group=64)
    assert ScheduleRule(large, 2, target).schedule(_shapes(large), 256) is CHANNEL


@pytest.mark.parametrize("name", MACHINES)
def test_small_images_with_much_arithmetic_go_in_blocks_on_all_machines(name):
    target = target_of(MACHINES[name])
    small = _chain(8, 8, 6)
    assert ScheduleRule(small, 2, target).schedule(_shapes(small), 256) is BATCH
    assert ScheduleRule(small, 2, target).schedule(_shapes(small), 1) is CHANNEL


def test_a_session_asks_the_rule_unless_told(net):
    session = Session(net, threads=1)
    for images, schedule in ((4 * B, BATCH), (1, CHANNEL)):
        session.run(None, feed_for(net, images))
        assert session.plan().schedule is schedule
    # Who asks for a schedule gets it.
    assert Session(net, threads=1, schedule="batch").plan(images=1).schedule is BATCH


def test_a_net_without_products():
    net = Net("relu", (input_layer("x", 4, 3, 3), Layer("r", make_params("ReLU"), ("x",), ("r",))), ("r",))
    assert ScheduleRule(net, 1, this_target()).schedule({"x": (4, 3, 3)}, 4 * B) in (BATCH, CHANNEL)
