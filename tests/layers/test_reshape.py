"""Reshape against Caffe's documented equivalences, ONNX Runtime and OpenCV."""

import numpy as np
import pytest

from tests.layers.opencv import run_opencv
from tests.layers.oracles import check_carried, check_fixed, check_layer, normal, run_onnx
from xdn.errors import ShapeError
from xdn.graph import Blob, ChannelRule
from xdn.layers.reshape import Reshape

#: The examples in the comment on ReshapeParameter in Caffe's caffe.proto, all of a 2 x 8 bottom: parameters, top.
DOCUMENTED = [
    ({"shape": (2, 2, 4)}, (2, 2, 4)),
    ({"shape": (0, 2, 4)}, (2, 2, 4)),
    ({"shape": (0, 2, -1)}, (2, 2, 4)),
    ({"shape": (0, -1, 4)}, (2, 2, 4)),
    ({"shape": (2, 4), "axis": 1}, (2, 2, 4)),
    ({"shape": (2, 4), "axis": -1}, None),
    ({"shape": (2, 4), "axis": -2}, (2, 2, 4)),
    ({"shape": (1, 2, 8)}, (1, 2, 8)),
    ({"shape": (1,), "num_axes": 0}, (1, 2, 8)),
    ({"shape": (1,), "axis": 1, "num_axes": 0}, (2, 1, 8)),
    ({"shape": (1,), "axis": -1, "num_axes": 0}, (2, 8, 1)),
    ({"shape": (4, 4)}, (4, 4)),
    ({}, None),
]


@pytest.mark.parametrize(("fields", "top"), DOCUMENTED)
def test_documented_examples(rng, fields, top):
    x = normal(rng, 2, 8)
    if top is None:
        with pytest.raises(ShapeError):
            Reshape(**fields).infer([Blob(x.shape)], 1)
    else:
        check_layer(Reshape(**fields), [x], x.reshape(top), roundings=0)


@pytest.mark.parametrize("shape", [(0, -1), (0, 0, -1), (2, 12, 5), (0, -1, 3, 4), (120,), (-1, 1, 1, 60)])
def test_reference(rng, shape):
    x = normal(rng, 2, 3, 4, 5)
    params = Reshape(shape=shape)
    check_layer(params, [x], run_onnx("Reshape", [x, np.array(shape, np.int64)]), roundings=0)
    if len(shape) > 1:  # OpenCV gives a single axis a second one
        check_layer(params, [x], run_opencv(params, [x]), roundings=0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shape": (-1, -1)}, "at one place"),
        ({"shape": (2, -2)}, "at one place"),
        ({"shape": (7, -1)}, "elements"),
        ({"shape": (2, 3)}, "elements"),
        ({"shape": (1, 1, 1, 1, 0)}, "axis 4"),
        ({"shape": (0,), "axis": 5}, "axis 5"),
        ({"shape": (0,), "axis": -6}, "axis -6"),
        ({"shape": (0,), "axis": 3, "num_axes": 2}, "num_axes 2"),
        ({"shape": (0,), "num_axes": -2}, "num_axes -2"),
        ({"shape": (1,) * 40 + (-1,)}, "41 axes"),
        ({"shape": (1 << 40, -1)}, "elements"),
    ],
)
def test_what_does_not_fit_is_refused(fields, message):
    with pytest.raises(ShapeError, match=message):
        Reshape(**fields).infer([Blob((2, 3, 4, 5))], 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"shape": (0, 0, -1)},
        {"shape": (0, 0, 20)},
        {"shape": (0, -1)},
        {"shape": (-1,), "axis": 1},
        {"shape": (-1,), "axis": -4},
        {"shape": (0, -1), "axis": 1},
        {"shape": (20,), "axis": 2},
        {"shape": (1,), "axis": -1, "num_axes": 0},
        {"shape": (0, 0), "num_axes": 2},
    ],
)
def test_channels_kept_or_flattened_are_carried(rng, fields):
    check_carried(Reshape(**fields), [normal(rng, 2, 3, 4, 5)], rng)


def test_channels_that_move_are_fixed(rng):
    check_fixed(Reshape(shape=(3, 2, 4, 5)), [normal(rng, 2, 3, 4, 5)], rng)
    check_fixed(Reshape(shape=(0, 4, 15)), [normal(rng, 2, 3, 4, 5)], rng)


def test_channels_that_come_to_lie_in_one_are_fixed():
    params, shapes = Reshape(shape=(1,), axis=1, num_axes=0), [Blob((2, 3, 4, 5))]
    assert params.channel_rule_for(shapes) is ChannelRule.FIXED
    assert params.why_fixed(shapes) == "reshapes (2, 3, 4, 5) to (2, 1, 3, 4, 5), where several channels share one"


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"shape": (2, 3, -1)}, {"shape": (2, 2, -1)}),
        ({"shape": (0, 12, 5)}, {"shape": (0, 8, 5)}),
        ({"shape": (-1, 60)}, {"shape": (-1, 40)}),
        ({"shape": (3, 20), "axis": 1}, {"shape": (2, 20), "axis": 1}),
        ({"shape": (6, 10), "axis": -4}, {"shape": (4, 10), "axis": -4}),
        ({"shape": (-1,), "axis": 1, "num_axes": 2}, None),
        ({"shape": (0, 0, 20)}, None),
        ({"shape": (0, -1, 5)}, None),
        ({"shape": (20,), "axis": 2}, None),
    ],
)
def test_what_states_the_number_of_channels_states_what_is_left(rng, fields, left):
    """The channels of the whole net without the second one are those of the narrower net."""
    x = normal(rng, 2, 3, 4, 5)
    params, shapes = Reshape(**fields), [Blob(x.shape)]
    check_carried(params, [x], rng)
    (top,) = params.reference([x], {}, 1)
    kept = params.channel_map(0, shapes) != 1
    narrower = params.carrying([int(kept.sum())], shapes)
    assert narrower == (Reshape(**left) if left else params)
    np.testing.assert_array_equal(narrower.reference([np.delete(x, 1, axis=1)], {}, 1)[0], top[:, kept])


def test_without_a_channel_axis():
    assert Reshape(shape=(0, 0)).channel_rule_for([Blob((6,))]) is ChannelRule.FIXED
