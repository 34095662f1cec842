"""Tables that layers share: computed once while a plan is made, and never beyond it."""

import numpy as np
import pytest

from xdn.frontend import load
from xdn.kernels.core.layout import BATCH, CHANNEL
from xdn.kernels.core.tables import shared, sharing
from xdn.runtime.cpu.plan import make_plan

CALLS = []


@shared
def doubled(values, times=2):
    CALLS.append(times)
    return [value * times for value in values]


@pytest.fixture(autouse=True)
def _no_calls():
    CALLS.clear()


def test_the_same_arguments_give_one_object():
    with sharing():
        assert doubled([1, 2]) is doubled([1, 2])
        assert doubled([1, 2], times=3) == [3, 6]
        assert doubled([1, 2], times=3) is not doubled([1, 2])
    assert CALLS == [2, 3]


def test_arrays_are_the_same_where_they_are_one_object():
    a = np.arange(3)
    with sharing():
        assert doubled([a]) is doubled([a])
        assert doubled([a]) is not doubled([a.copy()])
        # What an argument's identity stands for must not become another array's.
        assert len({id(doubled([np.arange(3)])) for _ in range(100)}) == 100


def test_nothing_is_shared_before_and_after():
    assert doubled([1]) is not doubled([1])
    with sharing():
        first = doubled([1])
    with sharing():
        assert doubled([1]) is not first
    with pytest.raises(ZeroDivisionError), sharing():
        _ = 1 / 0
    assert doubled([1]) is not doubled([1])


def _chain(tmp_path, convolutions):
    path, bottom = tmp_path / "net.prototxt", "data"
    lines = ['input: "data" input_shape { dim: 1 dim: 8 dim: 9 dim: 7 }']
    for i in range(convolutions):
        lines.append(f'layer {{ name: "c{i}" type: "Convolution" bottom: "{bottom}" top: "c{i}"')
        lines.append("convolution_param { num_output: 8 kernel_size: 5 pad: 2 } }")
        bottom = f"c{i}"
    path.write_text("\n".join(lines))
    return load(path, random_weights=True)


@pytest.mark.parametrize("schedule", [BATCH, CHANNEL], ids=lambda schedule: schedule.name)
def test_layers_of_one_geometry_share_their_tables(tmp_path, schedule):
    net = _chain(tmp_path, 6)
    plan = make_plan(net, {"data": (8, 9, 7)}, net.outputs, schedule=schedule)
    # Between the conversions of input and output; the first layer reads an input that has no padding.
    kept = [{id(array) for array in step.keep} for step in plan.steps[2:-1]]
    common = set.intersection(*kept)
    assert common
    assert plan.weight_bytes < sum(step.weight_bytes for step in plan.steps)
