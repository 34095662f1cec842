"""Concat, Flatten, Reshape, Split, Dropout: values exactly at their new places."""

import numpy as np
import pytest

from tests.kernels.checks import BATCH, check_layer, check_net, feed_for, input_layer, make_params, one_layer_net
from xdn.codegen.target import host_target
from xdn.element import ELEMENTS, F32, U8
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Layer, Net
from xdn.graph.verify import verify
from xdn.kernels.core.layout import SCHEDULES
from xdn.runtime.cpu.plan import make_plan
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


IMAGE = (10, 5, 3)
MOVES = [
    ("Slice", [IMAGE], 2, {"slice_point": (3,)}),
    ("Slice", [IMAGE], 5, {}),
    ("Slice", [(4, 6, 3)], 3, {"axis": 2}),
    ("Slice", [(37,)], 2, {"slice_point": (16,)}),
    ("Slice", [(3, 2, 2, 5)], 2, {"axis": -1, "slice_point": (2,)}),
    ("Permute", [IMAGE], 1, {"order": (0, 2, 3, 1)}),
    ("Permute", [IMAGE], 1, {"order": (0, 3)}),
    ("Permute", [(3, 4, 2, 5)], 1, {"order": (0, 4, 2, 3, 1)}),
    ("Permute", [IMAGE], 1, {}),
    ("Tile", [IMAGE], 1, {"tiles": 3}),
    ("Tile", [IMAGE], 1, {"tiles": 2, "axis": 3}),
    ("Crop", [(10, 7, 8), (3, 4, 5)], 1, {"offset": (1, 2)}),
    ("Pad", [IMAGE], 1, {"pad": 1}),
    ("Pad", [IMAGE], 1, {"pad": 1, "kind": "REFLECT"}),
    ("Pad", [(37, 2, 3)], 1, {"pad_b": 2, "pad_l": 1}),
    ("Crop", [(10, 7, 8), (4, 7, 8)], 1, {"axis": 1, "offset": (3, 0, 0)}),
    ("ShuffleChannel", [IMAGE], 1, {"group": 5}),
    ("ShuffleChannel", [(48, 2, 2)], 1, {"group": 3}),
    ("Reorg", [(12, 4, 6)], 1, {"stride": 2}),
    ("Reorg", [(12, 4, 6)], 1, {"stride": 2, "reverse": True}),
    ("Upsample", [IMAGE], 1, {"scale": 2}),
    ("Upsample", [IMAGE], 1, {"scale_h": 1, "scale_w": 3}),
]


@pytest.mark.parametrize(("type_name", "images", "tops", "params"), MOVES)
def test_moves(type_name, images, tops, params):
    check_layer(type_name, *images, tops=tops, **params)


def test_what_lies_at_its_place_already_is_not_moved():
    net = one_layer_net("Permute", IMAGE, order=(0, 1, 2))
    plan = make_plan(net, {"x0": IMAGE}, ("y0",))
    assert [step.source.name.op for step in plan.steps] == ["load_planes", "store_planes"]


def test_neighbours_move_together():
    """Half of the channels of a position is one run, whatever their number."""
    net = one_layer_net("Slice", (64, 3, 5), tops=2)
    for schedule in SCHEDULES.values():
        plan = make_plan(net, {"x0": (64, 3, 5)}, ("y0", "y1"), schedule=schedule)
        steps = [step for step in plan.steps if step.source.name.op == "copy"]
        assert [step.keep[0][:, 2].tolist() for step in steps] == [[32 * schedule.block_images(host_target())] * 15] * 2


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


@pytest.mark.parametrize("element", ELEMENTS.values(), ids=lambda element: element.name)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_values_of_every_element_are_moved_bit_for_bit(element, schedule):
    """Concat, Permute, Slice and Pad, from what the caller gives to what the caller gets."""
    given = Layer("data", make_params("Input", shape=((1, 3, 5, 4),), element=element), (), ("x",))
    layers = (
        given,
        Layer("concat", make_params("Concat"), ("x", "x"), ("twice",)),
        Layer("permute", make_params("Permute", order=(0, 2, 3, 1)), ("twice",), ("turned",)),
        Layer("slice", make_params("Slice", slice_point=(2,)), ("turned",), ("first", "rest")),
        Layer("pad", make_params("Pad", pad=1), ("rest",), ("padded",)),
    )
    net = Net("moves", layers, ("first", "padded"))
    bits = np.random.default_rng(0).integers(0, 256, BATCH * 60 * element.bytes, np.uint8)
    x = bits.view(element.numpy).reshape(BATCH, 3, 5, 4)
    session = Session(net, schedule=schedule)
    assert [argument.type for argument in (*session.get_inputs(), *session.get_outputs())] == [element.dtype] * 3
    results = session.run(["first", "padded"], {"x": x})
    expected = net.with_batch(BATCH).forward({"x": x})
    for name, result in zip(net.outputs, results, strict=True):
        assert result.dtype == element.numpy
        assert result.tobytes() == expected[name].tobytes()


def test_an_element_that_no_kernel_computes_with_is_refused():
    given = Layer("data", make_params("Input", shape=((1, 3, 5, 4),), element=U8), (), ("x",))
    net = Net("squares", (given, Layer("power", make_params("Power", power=2.0), ("x",), ("y",))), ("y",))
    with pytest.raises(UnsupportedError, match=r"'power' \(Power\): it computes in f32, but its bottom 'x' holds u8"):
        Session(net)


def test_values_of_two_elements_are_not_moved_into_one_blob():
    given = [Layer(e.name, make_params("Input", shape=((1, 3),), element=e), (), (e.name,)) for e in (U8, F32)]
    net = Net("mixed", (*given, Layer("concat", make_params("Concat"), ("u8", "f32"), ("y",))), ("y",))
    with pytest.raises(ShapeError, match=r"several elements \(f32, u8\)"):
        verify(net)
