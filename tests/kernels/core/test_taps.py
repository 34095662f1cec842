"""Tap lists against brute force: which window elements meet data at which position."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.checks import B
from xdn.codegen.target import host_target
from xdn.graph import Blob
from xdn.kernels.core.layout import BlockLayout
from xdn.kernels.core.taps import count_lists, count_taps, tap_lists
from xdn.layers.window import Window


def _per_axis(axes, least, most):
    return st.tuples(*[st.integers(least, most)] * axes)


@st.composite
def geometries(draw):
    """Return (sizes, places, window) of a window that fits into a line, an image or a volume."""
    axes = draw(st.sampled_from([1, 2, 2, 3]))
    kernel, stride = draw(_per_axis(axes, 1, 7 - axes)), draw(_per_axis(axes, 1, 7 - axes))
    dilation, pad = draw(_per_axis(axes, 1, 4)), draw(_per_axis(axes, 0, 4))
    window = Window(kernel, stride, pad, dilation)
    least = [max(1, extent - 2 * p) for extent, p in zip(window.extent, pad, strict=True)]
    sizes = tuple(draw(st.integers(low, low + 7 - axes)) for low in least)
    return sizes, window.output_size(sizes), window


def _layouts(sizes, places):
    return (
        BlockLayout.of(Blob((1, channels, *extents)), host_target()) for channels, extents in ((3, sizes), (5, places))
    )


def _elements(window):
    return list(itertools.product(*map(range, window.kernel)))


def _brute_force(sizes, places, window):
    """Return for each output position the list of (input position, window element) that meet data."""
    lists = []
    for out in itertools.product(*map(range, places)):
        met = []
        for element in _elements(window):
            steps = zip(out, window.stride, window.pad, element, window.dilation, strict=True)
            at = tuple(o * stride - pad + e * dilation for o, stride, pad, e, dilation in steps)
            if all(0 <= each < size for each, size in zip(at, sizes, strict=True)):
                met.append((np.ravel_multi_index(at, sizes), element))
        lists.append(met)
    return lists


@settings(max_examples=60, deadline=None, derandomize=True)
@given(geometries())
def test_taps_are_exactly_those_that_meet_data(geometry):
    window = geometry[-1]
    lists, expected, elements = tap_lists(*geometry), _brute_force(*geometry), _elements(window)
    assert count_taps(*geometry) == lists.multiplications == sum(map(len, expected))
    long_ones = Counter((first, end) for _, first, end, _ in lists.positions.tolist() if first < end)
    counted = Counter((n, taps) for n, taps in count_lists(*geometry) if taps)
    assert counted == Counter((n, end - first) for (first, end), n in long_ones.items())
    for (first, begin, end, out), met in zip(lists.positions, expected, strict=True):
        found = [(first + offset, elements[lists.used[index]]) for offset, index in lists.taps[begin:end]]
        assert found == met, out
    np.testing.assert_array_equal(lists.positions[:, 3], np.arange(len(expected)))
    # What rows and columns meet on their own is packed, whether or not they meet in one place.
    axes = [{element[axis] for met in expected for _, element in met} for axis in range(window.axes)]
    assert [elements[number] for number in lists.used] == list(itertools.product(*map(sorted, axes)))


def test_positions_of_one_class_share_their_list():
    lists = tap_lists((9, 11), (9, 11), Window((3, 3), pad=(1, 1)))
    assert len({(begin, end) for _, begin, end, _ in lists.positions}) == 9
    # Corners 4 * 4, edges 4 * 6, the inside 9.
    assert len(lists.taps) == 49


@pytest.mark.parametrize(("size", "used"), [(1, 1), (2, 9), (3, 9)])
def test_unused_elements_are_left_out(size, used):
    assert len(tap_lists((size, size), (size, size), Window((3, 3), pad=(1, 1))).used) == used


def test_order_is_row_major_as_the_numerics_policy_says():
    lists = tap_lists((5, 5), (5, 5), Window((3, 3), pad=(1, 1)))
    for _, begin, end, _ in lists.positions:
        order = lists.taps[begin:end, 1]
        assert (np.diff(order) > 0).all()
    np.testing.assert_array_equal(lists.used, range(9))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(geometries(), st.booleans())
def test_runs_are_the_taps_in_their_order(geometry, grouped):
    """The channels of all runs of a position, one by one, are those of its taps; only whole pixels are joined."""
    sizes, places, _ = geometry
    bottom, top = _layouts(sizes, places)
    channels = 1 if grouped else bottom.channels
    lists = tap_lists(*geometry)
    by_tap, taps = lists.in_elements(bottom, top)
    by_run, runs = lists.in_runs(bottom, top, channels)
    np.testing.assert_array_equal(by_run[:, [0, 3]], by_tap[:, [0, 3]])
    for tap_row, run_row in zip(by_tap, by_run, strict=True):
        expected = [(x + c * B, w * channels + c) for x, w in taps[tap_row[1] : tap_row[2]] for c in range(channels)]
        found = [(x + c * B, w + c) for x, w, count in runs[run_row[1] : run_row[2]] for c in range(count)]
        assert found == expected
    assert len(runs) <= len(taps)
    assert not grouped or len(runs) == len(taps)


def test_neighbouring_taps_are_one_run():
    layout = BlockLayout(3, 6, 6, target=host_target())
    _, runs = tap_lists((6, 6), (6, 6), Window((3, 3), pad=(1, 1))).in_runs(layout, layout, 3)
    assert sorted(set(runs[:, 2].tolist())) == [6, 9]
