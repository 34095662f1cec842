"""Where channels lie after a reshape, against the numbers of the channels themselves, reshaped."""

import numpy as np
import pytest

from xdn.layers.rowmajor import reshaped

CASES = [
    ((2, 6, 4, 5), 1, (2, 6, 20), 1, 6),
    ((2, 6, 4, 5), 1, (2, 120), 1, 6),
    ((2, 6, 4, 5), 1, (2, 24, 5), 1, 6),
    ((2, 6, 4, 5), 1, (2, 1, 6, 4, 5), 2, 6),
    ((2, 6, 4, 5), 1, (2, 2, 3, 4, 5), 2, 3),
    ((2, 6, 4, 5), 1, (2, 3, 2, 4, 5), 2, 2),
    ((2, 6, 4, 5), 1, (1, 2, 6, 4, 5), 2, 6),
    ((2, 4, 5, 6), 3, (2, 120), 1, 6),
    ((2, 4, 5, 6), 3, (2, 20, 6), 2, 6),
    ((2, 4, 5, 6), 3, (2, 4, 30), 2, 6),
    ((2, 4, 5, 6), 3, (2, 40, 3), 2, 3),
    ((2, 6, 4, 5), 2, (2, 1, 120), 2, 4),
    ((2, 3, 2, 4, 5), 2, (2, 6, 20), 1, 2),
    ((2, 3, 2, 4, 5), 1, (2, 6, 20), 1, 3),
]


@pytest.mark.parametrize(("bottom", "axis", "top", "expected", "labels"), CASES)
def test_every_entry_holds_channels_of_its_label_and_no_others(bottom, axis, top, expected, labels):
    move = reshaped(bottom, top, axis)
    assert move.axis == expected
    assert len(set(move.labels.tolist())) == labels
    places = np.arange(bottom[axis]).reshape(-1, *(1,) * (len(bottom) - axis - 1))
    numbers = np.broadcast_to(places, bottom).reshape(top)
    for entry, label in enumerate(move.channels):
        found = set(numbers.take(entry, axis=move.axis).ravel().tolist())
        assert found == set(np.flatnonzero(move.labels == label).tolist())


@pytest.mark.parametrize(("bottom", "axis", "top", "expected", "labels"), CASES)
def test_without_the_channels_of_a_label_the_others_lie_alike(bottom, axis, top, expected, labels):
    move = reshaped(bottom, top, axis)
    values = np.arange(np.prod(bottom)).reshape(bottom)
    kept = move.labels != 1
    left = values.reshape(top).compress(move.channels != 1, axis=move.axis)
    np.testing.assert_array_equal(values.compress(kept, axis=axis).reshape(left.shape), left)


@pytest.mark.parametrize("top", [(2, 4, 30), (12, 4, 5), (240,), (2, 1, 4, 30)])
def test_channels_that_no_axis_holds_are_not_followed(top):
    assert reshaped((2, 6, 4, 5), top, 1) is None
