import numpy as np
import pytest
from onnx import helper

from tests.bounded import STATM, bounded
from tests.frontend.onnx.read.onnx_models import i64
from xdn.errors import NetError, ShapeError, UnsupportedError
from xdn.frontend.onnx.read.fold import folded
from xdn.frontend.onnx.read.room import Room


def test_constants_are_computed():
    (found,) = folded(helper.make_node("Add", ["a", "b"], ["y"]), [i64(1, 2), i64(3, 4)], 17, Room())
    np.testing.assert_array_equal(found, [4, 6])
    (found,) = folded(helper.make_node("Constant", [], ["y"], value_floats=[1.0, 2.0]), [], 17, Room())
    np.testing.assert_array_equal(found, np.float32([1, 2]))


def test_a_constant_that_is_too_large():
    huge = i64(1 << 20, 1 << 20)
    for op, inputs in (("ConstantOfShape", [huge]), ("Expand", [np.float32([1]), huge])):
        node = helper.make_node(op, [f"i{number}" for number in range(len(inputs))], ["y"])
        with pytest.raises(ShapeError, match="too large"):
            folded(node, inputs, 17, Room())


def test_what_cannot_be_computed():
    body = helper.make_graph([], "body", [], [])
    node = helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body)
    assert folded(node, [np.array(True)], 17, Room()) is None
    with pytest.raises(UnsupportedError, match="cannot be computed"):
        folded(helper.make_node("Gather", ["a", "i"], ["y"]), [i64(1, 2), i64(5)], 17, Room())


@pytest.mark.parametrize("count", [0, 2])
def test_a_constant_has_one_value(count):
    values = dict.fromkeys(("value_int", "value_float")[:count], 1)
    with pytest.raises(NetError, match=f"{count} attributes"):
        folded(helper.make_node("Constant", [], ["y"], **values), [], 17, Room())


def test_constants_have_so_much_room_in_all():
    room, shape = Room(), i64(1 << 11, 1 << 12)
    node = helper.make_node("ConstantOfShape", ["s"], ["y"])
    assert folded(node, [shape], 17, room)[0].shape == (1 << 11, 1 << 12)
    # Neither a second one of that size, nor many reads of the first.
    with pytest.raises(ShapeError, match="has computed are too large"):
        folded(node, [shape], 17, room)
    value = np.zeros((1 << 11, 1 << 12), np.int8)
    with pytest.raises(ShapeError, match="too large: 8388608 elements"):
        folded(helper.make_node("Size", ["a"], ["y"]), [value], 17, room)


def test_what_the_file_holds_makes_room():
    room, held = Room(), np.zeros(1 << 20, np.int8)
    room.take(1 << 24)
    with pytest.raises(ShapeError, match="too large"):
        room.take(1)
    room.add(held)
    room.take(32 << 20)


@pytest.mark.skipif(not STATM.exists(), reason="memory is bounded by means that only Linux has")
def test_the_shape_of_a_long_list_of_numbers_takes_little_memory():
    """The library would keep each number as the extent of a shape that they may be, 130 bytes."""
    values = np.arange(1 << 20)
    with bounded(30, 96 << 20):
        (found,) = folded(helper.make_node("Cast", ["a"], ["y"], to=1), [values], 17, Room())
    assert found.dtype == np.float32
