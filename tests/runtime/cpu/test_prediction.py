"""Predicted times of a plan's layers: what they add up to, and what moves them."""

from dataclasses import replace

import pytest

from tests.kernels.checks import B
from tests.kernels.machine.machines import MACHINES, target_of
from tests.runtime.cpu.test_executor import residual_net
from tests.runtime.test_taken import plan_of
from xdn.kernels.core.layout import BATCH, SCHEDULES
from xdn.runtime.cpu.prediction import predicted_ns


@pytest.fixture(scope="module")
def net():
    return residual_net()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_part_has_a_time_and_faster_processors_shorter_ones(net, schedule):
    slow, fast = (
        plan_of(net, schedule=SCHEDULES[schedule], target=target_of(MACHINES[name])) for name in ("zen4", "zen5")
    )
    times = [predicted_ns(plan, plan.block_images, 1, 1) for plan in (slow, fast)]
    assert len(times[0]) == len(slow.inputs) + len(slow.layers) + len(slow.outputs)
    assert all(ns > 0 for ns in times[0])
    assert sum(times[1]) < sum(times[0])


def test_blocks_follow_each_other_and_threads_share_them(net):
    plan = plan_of(net, schedule=BATCH, target=target_of(MACHINES["zen4"]))
    one, four = (sum(predicted_ns(plan, count * B, 1, 1)) for count in (1, 4))
    assert 2 * one < four <= 4.01 * one
    assert sum(predicted_ns(plan, 4 * B, 2, 1)) < 0.7 * four


def test_members_share_an_image_and_pay_for_barriers(net):
    """Of a net as small as this they gain little even where they meet at once."""
    target = target_of(MACHINES["zen4"])
    plan = plan_of(net, schedule=SCHEDULES["channel"], target=target)

    def shared_ns(barrier):
        meeting = replace(plan, target=replace(target, rates=replace(target.rates, barrier=barrier)))
        return sum(predicted_ns(meeting, 1, 2, 2))

    alone = sum(predicted_ns(plan, 1, 1, 1))
    assert alone / 2 < shared_ns(0.0) < alone < shared_ns(1e6)
