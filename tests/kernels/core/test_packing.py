"""Weights are packed once while a plan refers to them."""

import gc

import numpy as np
import pytest

from tests.kernels.checks import one_layer_net
from xdn.kernels.core.layout import SCHEDULES
from xdn.kernels.core.packing import PackedWeights, keeping, packed_once
from xdn.runtime.cpu.plan import make_plan


@packed_once
def times(weight, factors, most=1):
    """Return the weights times factors, as if that were a packed form."""
    return weight * factors.sum() * most


def test_the_same_weights_in_the_same_way_are_one_array():
    weight, store = np.arange(6.0), PackedWeights()
    with keeping(store):
        made = times(weight, np.array([1, 2]))
        assert times(weight, np.array([1, 2])) is made
        assert times(weight[:], np.array([1, 2])) is made
        others = [
            times(weight.copy(), np.array([1, 2])),
            times(weight[::2], np.array([1, 2])),
            times(weight, np.array([1, 3])),
            times(weight, np.array([1, 2]), most=2),
        ]
        assert len({id(made), *map(id, others)}) == len(store) == 5
    np.testing.assert_array_equal(made, weight * 3)


def test_nothing_is_kept_that_no_plan_refers_to():
    weight, store = np.arange(6.0), PackedWeights()
    with keeping(store):
        made = times(weight, np.ones(2))
        del made
        gc.collect()
        assert len(store) == 0
        assert times(weight, np.ones(2)).tolist() == (weight * 2).tolist()


def test_weights_whose_memory_is_freed_are_not_taken_for_others():
    store = PackedWeights()
    with keeping(store):
        kept = [times(np.full(1000, float(value)), np.ones(1)) for value in range(50)]
    assert [array[0] for array in kept] == list(range(50))


def test_without_a_store_all_is_packed_anew():
    weight = np.arange(6.0)
    assert times(weight, np.ones(1)) is not times(weight, np.ones(1))


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=lambda schedule: schedule.name)
@pytest.mark.parametrize(
    ("shape", "filters", "params"),
    [
        ((40, 16, 16), 40, {"kernel_size": 3, "pad": 1}),
        ((256, 28, 28), 256, {"kernel_size": 1}),
        ((5, 8, 8), 40, {"kernel_size": 1}),
    ],
    ids=["winograd", "strassen", "direct"],
)
def test_plans_of_two_shapes_share_their_weights(schedule, shape, filters, params):
    net, store = one_layer_net("Convolution", shape, num_output=filters, **params), PackedWeights()
    name, top = next(iter(net.inputs)), tuple(net.outputs)
    channels, height, width = shape
    with keeping(store):
        plans = [make_plan(net, {name: (channels, height, w)}, top, None, schedule) for w in (width, width + 2)]
    first, second = ({id(array): array for step in plan.steps for array in step.keep} for plan in plans)
    shared = sum(first[number].nbytes for number in first.keys() & second.keys())
    assert shared >= net.layers[-1].weights["weight"].nbytes
    assert len(store) <= len(first.keys() & second.keys())
