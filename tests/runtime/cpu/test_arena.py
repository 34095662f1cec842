"""The arena: no two buffers that are alive together overlap, and it is close to what no placement can beat."""

import itertools

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from xdn import frontend, settings
from xdn.kernels.core.choice import FMA
from xdn.optimize import PLAIN, POST_FUSION, apply_stages, stage_names
from xdn.runtime.configuration import Configuration
from xdn.runtime.cpu.arena import Interval, liveness_bound, place
from xdn.runtime.cpu.plan import make_plan

#: The same examples in every run, however busy the machine is.
exactly = hypothesis_settings(deadline=None, derandomize=True)
UNIT = settings.ARENA_ALIGN_BYTES


@st.composite
def interval_lists(draw):
    """Return intervals over up to ten steps, sizes aligned or not."""
    lives = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(sorted)
    drawn = draw(st.lists(st.tuples(st.integers(1, 20 * UNIT), lives), max_size=12))
    return [Interval(str(i), size, first, last) for i, (size, (first, last)) in enumerate(drawn)]


def _alive(intervals, step):
    return [i for i in intervals if i.first <= step <= i.last]


@exactly
@given(interval_lists())
def test_bound_by_brute_force(intervals):
    expected = max(sum(i.size for i in _alive(intervals, step)) for step in range(10))
    assert liveness_bound(intervals) == expected


@exactly
@given(interval_lists(), st.booleans())
def test_buffers_alive_together_do_not_overlap(intervals, shared):
    arena = place(intervals, shared)
    assert arena.offsets.keys() == {i.name for i in intervals}
    for interval in intervals:
        offset = arena.offsets[interval.name]
        assert offset % UNIT == 0
        assert offset >= 0
        assert offset + interval.size <= arena.size
    for step in range(10):
        for a, b in itertools.combinations(_alive(intervals, step), 2):
            at, bt = arena.offsets[a.name], arena.offsets[b.name]
            assert at + a.size <= bt or bt + b.size <= at, (a, b)
    assert arena.bound == liveness_bound(intervals) <= arena.size


def test_placement_does_not_depend_on_the_order():
    intervals = [Interval(str(i), 64 * (i % 3 + 1), i, i + 2) for i in range(8)]
    assert place(intervals) == place(intervals[::-1])


def test_a_gap_is_used():
    first, second = Interval("long", 640, 0, 9), Interval("early", 320, 0, 2)
    assert place([first, second, Interval("late", 320, 3, 9)]).size == 960


def test_halves_of_shared_buffers_are_the_same_memory():
    large, other, small = (Interval(*row) for row in (("large", 640, 0, 1), ("other", 384, 1, 2), ("small", 256, 2, 3)))
    assert place([large, other, small], shared=True).offsets == {"large": 0, "other": 640, "small": 192}
    assert place([large, other, small]).offsets == {"large": 0, "other": 640, "small": 0}


def test_shared_buffers_lie_in_gaps_where_no_middle_is_free():
    kept, large = Interval("kept", 320, 0, 9), Interval("large", 640, 0, 2)
    inside, beside = Interval("inside", 128, 3, 4), Interval("beside", 64, 3, 4)
    offsets = place([kept, large, inside, beside], shared=True).offsets
    assert offsets == {"large": 0, "kept": 640, "inside": 256, "beside": 0}


def test_nothing_to_place():
    assert place([]).size == place([]).bound == 0


@pytest.mark.parametrize("kinds", [(), (PLAIN, POST_FUSION)], ids=["as read", "fused"])
def test_resnet50_is_close_to_the_bound(material, kinds):
    net = frontend.load(material("models", "resnet50", "deploy.prototxt"), random_weights=True)
    net = apply_stages(net, [name for kind in kinds for name in stage_names(kind)])
    shapes = {name: blob.shape[1:] for name, blob in net.inputs.items()}
    arena = make_plan(net, shapes, net.outputs, configuration=Configuration(precision=FMA)).arena
    assert arena.bound <= arena.size <= 1.1 * arena.bound
