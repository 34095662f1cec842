"""Bands of rows against a simulation that remembers what lies in each row of each buffer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.checks import feed_for, input_layer, make_params, random_weights, with_cache
from xdn import settings as limits
from xdn.graph import Epilogue, Layer, Net
from xdn.kernels.core.family import Reach
from xdn.layers.relu import ReLU
from xdn.runtime.cpu.bands import banded
from xdn.runtime.cpu.plan import make_plan
from xdn.runtime.session import Session


@st.composite
def chains(draw):
    """Draw convolutions of several kernels and strides one after the other, some of which add an earlier blob."""
    channels, size = draw(st.sampled_from([3, 16])), draw(st.integers(4, 13))
    layers = [input_layer("x", channels, size, draw(st.integers(4, 9)))]
    for i in range(draw(st.integers(2, 6))):
        kernel, stride = draw(st.sampled_from([(1, 1), (3, 1), (3, 1), (3, 2), (5, 1)]))
        params = make_params("Convolution", num_output=channels, kernel_size=kernel, stride=stride, pad=kernel // 2)
        layer = Layer(f"c{i}", params, (layers[-1].tops[0],), (f"c{i}",))
        shapes = Net("shapes", (*layers, layer)).blobs
        alike = [each.tops[0] for each in layers if shapes[each.tops[0]].shape == shapes[layer.tops[0]].shape]
        if alike and draw(st.booleans()):
            residual = draw(st.sampled_from(alike))
            layer = layer.replace(bottoms=(*layer.bottoms, residual), epilogue=Epilogue(True, ReLU()))
        layers.append(layer)
    return random_weights(Net("chain", tuple(layers), (layers[-1].tops[0],)), np.random.default_rng(0))


def _plan(net):
    return make_plan(net, {"x": net.blobs["x"].shape[1:]}, net.outputs)


class _Buffers:
    """Which blob's row lies in each row of each buffer, by the step that wrote it."""

    def __init__(self, plan):
        self.plan, self.rows = plan, {}

    def call(self, step, first, units):
        """Read what the step reads for these units of its rows, then write them; fail where a row is another's."""
        rows = step.rows
        begin, end = first * rows.unit, min((first + units) * rows.unit, rows.height)
        for slot, reach in rows.reads.items():
            blob = step.blobs[slot]
            height = self.plan.layouts[blob].height
            last = ((first + units) * rows.unit - 1) * reach.stride + reach.after
            for row in range(max(0, begin * reach.stride - reach.before), min(height, last + 1)):
                writers = self.writers(blob)
                found = self.rows.get((self.plan.owners[blob], row), {})
                assert writers <= found.keys(), f"row {row} of {blob!r} is not there"
        top = step.blobs[rows.writes]
        for row in range(begin, end):
            place = (self.plan.owners[top], row)
            kept = {number: blob for number, blob in self.rows.get(place, {}).items() if blob == top}
            self.rows[place] = kept | {self.plan.steps.index(step): top}

    def writers(self, blob):
        """Return the numbers of the steps that write `blob`."""
        return {n for n, step in enumerate(self.plan.steps) if step.rows and step.blobs[step.rows.writes] == blob}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(chains(), st.integers(1, 8))
def test_bands_compute_every_row_once_from_rows_that_are_there(net, bands):
    plan = _plan(net)
    numbers = [number for number, step in enumerate(plan.steps) if step.rows]
    steps = [plan.steps[number] for number in numbers]
    calls = banded(steps, numbers[0], plan.owners, bands)
    if calls is None:
        assert bands > 1
        return
    buffers = _Buffers(plan)
    for call in calls:
        buffers.call(plan.steps[call.step], call.first, call.units)
    for number, step in zip(numbers, steps, strict=True):
        done = [unit for call in calls if call.step == number for unit in range(call.first, call.first + call.units)]
        assert done == list(range(step.rows.units))


def _residual_block(**last):
    """Return two 3x3 convolutions, the second of which adds the first one's bottom and overwrites it."""
    conv = {"num_output": 3, "kernel_size": 3, "pad": 1}
    layers = (
        input_layer("data", 3, 8, 5),
        Layer("x", make_params("Convolution", num_output=3, kernel_size=1), ("data",), ("x",)),
        Layer("a", make_params("Convolution", **conv), ("x",), ("a",)),
        Layer("b", make_params("Convolution", **conv | last), ("a", "x"), ("b",), epilogue=Epilogue(True)),
    )
    return random_weights(Net("block", layers, ("b",)), np.random.default_rng(0))


def test_a_residual_is_overwritten_once_its_other_reader_is_past():
    net = _residual_block()
    plan = make_plan(net, {"data": (3, 8, 5)}, net.outputs)
    assert plan.owners["b"] == plan.owners["x"]
    calls = banded(plan.steps[1:4], 1, plan.owners, 4)
    ahead = [(call.step, call.first, call.units) for call in calls]
    assert ahead[:3] == [(1, 0, 4), (2, 0, 3), (3, 0, 2)]


def test_no_bands_where_a_step_would_overwrite_what_another_has_yet_to_read():
    """A 1x1 convolution adds the bottom of the 3x3 before it: it would be too early by a row."""
    net = _residual_block(kernel_size=1, pad=0)
    plan = make_plan(net, {"data": (3, 8, 5)}, net.outputs)
    assert plan.owners["b"] == plan.owners["x"]
    assert banded(plan.steps[1:4], 1, plan.owners, 4) is None
    assert banded(plan.steps[1:4], 1, plan.owners, 1) is not None


@settings(max_examples=15, deadline=None, derandomize=True)
@given(net=chains(), kib=st.sampled_from([6, 16, 48]))
def test_bands_change_no_bit(net, kib):
    feed = feed_for(net)
    with pytest.MonkeyPatch.context() as patch:
        with_cache(patch, kib << 10)
        (found,) = Session(net, threads=1, schedule="batch").run(None, feed)
        patch.setattr(limits, "MOST_BAND_STEPS", 1)
        (expected,) = Session(net, threads=1, schedule="batch").run(None, feed)
    np.testing.assert_array_equal(found, expected)


def test_parts_are_split_by_bands(emulated, monkeypatch):
    """Of layers that tiles compute, the parts of a few rows at a time."""
    conv, relu = {"num_output": 64, "kernel_size": 5, "pad": 2}, Epilogue(activation=ReLU())
    point = make_params("Convolution", num_output=64, kernel_size=1)
    layers = (
        input_layer("x", 64, 19, 4),
        Layer("a", make_params("Convolution", **conv), ("x",), ("a",)),
        Layer("b", make_params("Convolution", **conv, stride=2), ("a",), ("b",), epilogue=relu),
        Layer("c", point, ("b", "b"), ("c",), epilogue=Epilogue(True)),
    )
    net = random_weights(Net("tiles", layers, ("c",)), np.random.default_rng(0))
    feed = feed_for(net, 65)
    (expected,) = Session(net, threads=1, schedule="channel").run(None, feed)
    with_cache(monkeypatch, 4 << 20, emulated)
    session = Session(net, threads=1, schedule="batch")
    (found,) = session.run(None, feed)
    np.testing.assert_array_equal(found, expected)
    plan = session.plan()
    calls = [call for segment in plan.segments for stretch in segment.stretches for call in stretch.calls]
    assert {plan.steps[call.step].source.name.op for call in calls} >= {"split3", "tiles_x6"}


def test_reach_of_a_window():
    params = make_params("Convolution", num_output=1, kernel_size=3, pad=2, stride=2, dilation=3)
    assert Reach.of(params.window(2)) == Reach(2, 2, 4)
