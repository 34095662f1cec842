"""Concat, Flatten, Reshape, Split, Dropout: values exactly at their new places."""

import numpy as np
import pytest

from tests.kernels.checks import BATCH, check_layer, check_net, feed_for, input_layer, make_params, one_layer_net
from xdn.errors import UnsupportedError
from xdn.graph import Layer, Net
from xdn.runtime.plan import make_plan
from xdn.runtime.session import Session


@pytest.mark.parametrize(
    ("axis", "images"),
    [
        (1, [(10, 5, 3), (3, 5, 3), (1, 5, 3)]),
        (2, [(10, 5, 3), (10, 1, 3), (10, 2, 3)]),
        (3, [(10, 5, 3), (10, 5, 1)]),
        (-1, [(10, 5, 3), (10, 5, 1)]),
        (1, [(13,), (37,)]),
        (2, [(3, 4), (3, 1)]),
        (1, [(3, 2, 2, 2), (4, 2, 2, 2)]),
        (4, [(3, 2, 2, 2), (3, 2, 2, 5)]),
        (1, [(10, 5, 3)]),
    ],
)
def test_concat(axis, images):
    check_layer("Concat", *images, axis=axis)


def test_concat_of_one_blob_with_itself():
    layer = Layer("layer", make_params("Concat"), ("x", "x", "x"), ("y",))
    check_net(Net("thrice", (input_layer("x", 3, 4, 2), layer), ("y",)))


def test_concat_along_the_batch_is_refused():
    net = one_layer_net("Concat", (3,), (3,), axis=0)
    with pytest.raises(UnsupportedError, match="axis 0"):
        Session(net).run(None, feed_for(net, 2))


@pytest.mark.parametrize("image", [(10, 5, 3), (3, 1, 1), (37,), (3, 2, 2, 2)])
def test_flatten(image):
    check_layer("Flatten", image)


@pytest.mark.parametrize("ends", [(1, 2), (2, 3), (2, -1), (3, 3)])
def test_flatten_some_axes(ends):
    check_layer("Flatten", (4, 5, 3), axis=ends[0], end_axis=ends[1])


@pytest.mark.parametrize(
    ("image", "shape"),
    [
        ((10, 5, 3), (0, -1)),
        ((10, 5, 3), (0, 0, -1)),
        ((10, 5, 3), (0, 5, 10, 3)),
        ((12,), (0, 3, 2, 2)),
        ((12,), (0, 3, 2, 1, 2)),
        ((2, 3, 4), (-1, 4, 3, 2)),
    ],
)
def test_reshape(image, shape):
    check_layer("Reshape", image, shape=shape)


@pytest.mark.parametrize("type_name", ["Flatten", "Reshape"])
def test_moves_nothing_where_the_order_is_the_same(type_name):
    params = {"shape": (0, -1)} if type_name == "Reshape" else {}
    net = one_layer_net(type_name, (10, 1, 1), **params)
    plan = make_plan(net, {"x0": (10, 1, 1)}, ("y0",))
    assert [step.source.name.op for step in plan.steps] == ["load_planes", "store_planes"]
    check_net(net)


@pytest.mark.parametrize("tops", [1, 2, 3])
def test_split(tops):
    check_layer("Split", (10, 5, 3), tops=tops)


def test_copies_keep_nan_infinity_and_the_sign_of_zero():
    net = one_layer_net("Flatten", (5, 1, 2))
    feed = feed_for(net)
    feed["x0"][0] = np.array([np.nan, np.inf, -np.inf, -0.0, 0, 1, 2, 3, 4, 5]).reshape(5, 1, 2)
    (result,) = check_net(net, feed=feed)
    assert result.tobytes() == feed["x0"].reshape(BATCH, 10).tobytes()
