"""Tap lists against brute force: which window elements meet data at which position."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xdn.kernels.layout import B, BlockLayout
from xdn.kernels.taps import count_taps, tap_lists
from xdn.layers.window import Window

_pair = st.tuples(st.integers(1, 4), st.integers(1, 4))


@st.composite
def geometries(draw):
    """Return (bottom, top, window) of a window that fits."""
    kernel, stride, dilation = draw(st.tuples(st.integers(1, 7), st.integers(1, 7))), draw(_pair), draw(_pair)
    pad = draw(st.tuples(st.integers(0, 4), st.integers(0, 4)))
    window = Window(kernel, stride, pad, dilation)
    least = [max(1, extent - 2 * p) for extent, p in zip(window.extent, pad, strict=True)]
    h, w = (draw(st.integers(low, low + 6)) for low in least)
    return BlockLayout(3, h, w), BlockLayout(5, *window.output_size(h, w)), window


def _brute_force(bottom, top, window):
    """Return for each output position the list of (input position, window element) that meet data."""
    lists = []
    for p, q in itertools.product(range(top.height), range(top.width)):
        met = []
        for r, s in itertools.product(range(window.kernel[0]), range(window.kernel[1])):
            y = p * window.stride[0] - window.pad[0] + r * window.dilation[0]
            x = q * window.stride[1] - window.pad[1] + s * window.dilation[1]
            if 0 <= y < bottom.height and 0 <= x < bottom.width:
                met.append((y * bottom.width + x, (r, s)))
        lists.append(met)
    return lists


@settings(max_examples=60, deadline=None, derandomize=True)
@given(geometries())
def test_taps_are_exactly_those_that_meet_data(geometry):
    bottom, top, window = geometry
    lists = tap_lists(bottom, top, window)
    expected = _brute_force(bottom, top, window)
    assert len(lists.positions) == top.positions
    assert count_taps(bottom, top, window) == lists.multiplications == sum(map(len, expected))
    for (first, begin, end, out), met in zip(lists.positions, expected, strict=True):
        found = [(first + offset, tuple(lists.used[index])) for offset, index in lists.taps[begin:end]]
        assert found == met, out
    np.testing.assert_array_equal(lists.positions[:, 3], np.arange(top.positions))
    assert lists.multiplications == sum(map(len, expected))
    assert {tuple(element) for element in lists.used} == {element for met in expected for _, element in met}


def test_positions_of_one_class_share_their_list():
    lists = tap_lists(BlockLayout(1, 9, 11), BlockLayout(1, 9, 11), Window((3, 3), pad=(1, 1)))
    assert len({(begin, end) for _, begin, end, _ in lists.positions}) == 9
    # Corners 4 * 4, edges 4 * 6, the inside 9.
    assert len(lists.taps) == 49


@pytest.mark.parametrize(("size", "used"), [(1, 1), (2, 9), (3, 9)])
def test_unused_elements_are_left_out(size, used):
    layout = BlockLayout(1, size, size)
    assert len(tap_lists(layout, layout, Window((3, 3), pad=(1, 1))).used) == used


def test_order_is_row_major_as_the_numerics_policy_says():
    lists = tap_lists(BlockLayout(1, 5, 5), BlockLayout(1, 5, 5), Window((3, 3), pad=(1, 1)))
    for _, begin, end, _ in lists.positions:
        order = lists.taps[begin:end, 1]
        assert (np.diff(order) > 0).all()
    np.testing.assert_array_equal(lists.used, list(itertools.product(range(3), range(3))))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(geometries(), st.booleans())
def test_runs_are_the_taps_in_their_order(geometry, grouped):
    """The channels of all runs of a position, one by one, are those of its taps; only whole pixels are joined."""
    bottom, top, window = geometry
    channels = 1 if grouped else bottom.channels
    lists = tap_lists(bottom, top, window)
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
    layout, window = BlockLayout(3, 6, 6), Window((3, 3), pad=(1, 1))
    _, runs = tap_lists(layout, layout, window).in_runs(layout, layout, 3)
    assert sorted(set(runs[:, 2].tolist())) == [6, 9]
