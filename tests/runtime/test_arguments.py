"""What a session takes and gives, and what it says of anything else."""

import numpy as np
import pytest

from tests.kernels.checks import input_layer, make_params, one_layer_net
from xdn.errors import InputError
from xdn.graph import Layer, Net
from xdn.runtime.arguments import (
    Argument,
    arguments_of,
    checked_feed,
    checked_names,
    checked_size,
    parted_batches,
)

NET = one_layer_net("ReLU", (3, 4, 2))
GOOD = np.zeros((5, 3, 7, 9), np.float32)


def test_names_and_shapes():
    assert arguments_of(NET, NET.inputs) == [Argument("x0", ("N", 3, 4, 2))]
    assert arguments_of(NET, NET.outputs) == [Argument("y0", ("N", 3, 4, 2))]
    assert checked_names(NET, None) == checked_names(NET, ["y0"]) == ("y0",)


@pytest.mark.parametrize(
    ("type_name", "params", "shape"),
    [
        ("Reshape", {"shape": (1, -1, 2)}, (1, "6N", 2)),
        ("Reshape", {"shape": (4, -1)}, (4, "3N")),
        ("Flatten", {"axis": 0}, ("12N",)),
        ("Permute", {"order": (2, 0, 1)}, (4, "N", 3)),
        ("Reduction", {"axis": 0}, ()),
        ("Concat", {"axis": 0}, ("N", 3, 4)),
        ("Slice", {"axis": 0}, ("N", 3, 4)),
        ("ArgMax", {"axis": 0}, (1, 3, 4)),
    ],
)
def test_outputs_say_where_the_batch_goes(type_name, params, shape):
    net = one_layer_net(type_name, (3, 4), **params)
    assert arguments_of(net, net.outputs) == [Argument("y0", shape)]


def test_inputs_say_which_batch_is_fixed():
    stated = Net("n", (input_layer("x", 4), Layer("r", make_params("Reshape", shape=(2, 2)), ("x",), ("r",))))
    assert arguments_of(stated, stated.inputs) == [Argument("x", (1, 4))]
    by_weights = one_layer_net("Scale", (3, 4), axis=0)
    assert arguments_of(by_weights, by_weights.inputs) == [Argument("x0", (1, 3, 4))]
    assert arguments_of(by_weights, by_weights.outputs) == [Argument("y0", (1, 3, 4))]
    boxes = Layer("r", make_params("Input", shape=((9, 5),)), (), ("r",))
    several = Net("n", (input_layer("x", 4), boxes))
    assert arguments_of(several, several.inputs) == [Argument("x", ("N", 4)), Argument("r", ("M", 5))]


def test_weights_along_the_batch_fix_it():
    net = one_layer_net("Bias", (3, 4), axis=0, num_axes=2)
    assert checked_size(net, {"x0": (1, 3, 4)}).blobs["y0"].shape == (1, 3, 4)
    with pytest.raises(InputError, match=r"'layer' \(Bias\): bias has the shape \(1, 3\) instead of \(5, 3\)"):
        checked_size(net, {"x0": (5, 3, 4)})


def test_a_feed_of_any_batch_and_size():
    given = np.asfortranarray(GOOD)
    (array,) = checked_feed(NET, {"x0": given}).values()
    assert array.flags.c_contiguous
    np.testing.assert_array_equal(array, given)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.bool_])
def test_whole_numbers_are_taken_as_f32(dtype):
    (array,) = checked_feed(NET, {"x0": (GOOD > 0).astype(dtype)}).values()
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, GOOD > 0)


@pytest.mark.parametrize("number", [(1 << 24) + 1, -(1 << 63)])
def test_whole_numbers_that_f32_lacks_are_refused(number):
    with pytest.raises(InputError, match=r"input 'x0' holds whole numbers from .*up to 16777216"):
        checked_feed(NET, {"x0": np.full(GOOD.shape, number)})


@pytest.mark.parametrize(
    ("feed", "message"),
    [
        (GOOD, "not a mapping of names.*x0: float32"),
        ({"x": GOOD}, r"inputs \['x'\] are given.*x0"),
        ({"x0": GOOD.astype(np.float64)}, "float64; float32 is expected"),
        ({"x0": GOOD[0]}, r"the shape \(3, 7, 9\)"),
        ({"x0": GOOD[:, :2]}, r"the shape \(5, 2, 7, 9\)"),
    ],
)
def test_what_does_not_fit_is_refused(feed, message):
    with pytest.raises(InputError, match=message):
        checked_feed(NET, feed)
    with pytest.raises(InputError, match=r"no blob 'z'.*y0"):
        checked_names(NET, ["z"])


def test_inputs_that_declare_one_batch_have_one_where_a_layer_joins_them():
    other = Layer("r", make_params("Input", shape=((9, 5),)), (), ("r",))
    net = Net("n", (input_layer("a", 2), input_layer("b", 2), other))
    feed = {"a": np.zeros((3, 2), np.float32), "b": np.zeros((3, 2), np.float32), "r": np.zeros((4, 5), np.float32)}
    mixed = feed | {"b": np.zeros((4, 2), np.float32)}
    assert list(checked_feed(net, feed)) == list(checked_feed(net, mixed)) == ["a", "b", "r"]
    joined = Net("n", (*net.layers, Layer("s", make_params("Eltwise"), ("a", "b"), ("s",))))
    assert list(checked_feed(joined, feed)) == ["a", "b", "r"]
    with pytest.raises(InputError, match=r"different batches \[3, 4\]: layer 's'"):
        checked_feed(joined, mixed)
    assert parted_batches(net, {name: array.shape for name, array in feed.items()}) == []
    assert parted_batches(net, {name: array.shape for name, array in mixed.items()}) == [3, 4]
