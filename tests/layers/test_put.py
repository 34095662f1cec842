"""Put, by hand."""

import numpy as np
import pytest

from tests.layers.oracles import check_layer
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.put import Put


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("SET", [[7, 1, 2], [8, 4, 9]]),
        ("ADD", [[12, 1, 2], [11, 4, 14]]),
        ("MUL", [[0, 1, 2], [24, 4, 45]]),
        ("MAX", [[7, 1, 2], [8, 4, 9]]),
        ("MIN", [[0, 1, 2], [3, 4, 5]]),
    ],
)
def test_reference(operation, expected):
    """Of one place the last value stays; the last image has places outside of it."""
    x, places, values = np.arange(6, dtype=np.float32).reshape(2, 3), [[0, 0], [-1, 3]], [[5, 7], [8, 9]]
    bottoms = [x, np.float32(places), np.float32(values)]
    check_layer(Put(operation=operation), bottoms, np.float32(expected), roundings=0)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(2, 3), (2, 1)], "three"),
        ([(2, 3), (3, 1), (2, 1)], "2 images, and places for 3"),
        ([(2, 3), (2, 1), (2, 2)], r"places of shape \(2, 1\) and values of shape \(2, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused(shapes, message):
    with pytest.raises(ShapeError, match=message):
        Put().infer([Blob(shape) for shape in shapes], 1)


def test_no_channel_can_go():
    shapes = [Blob((2, 3, 4)), Blob((2, 5)), Blob((2, 5))]
    assert Put().channel_rule_for(shapes) is ChannelRule.FIXED
    assert Put().why_fixed(shapes) == "puts elements by their numbers"
