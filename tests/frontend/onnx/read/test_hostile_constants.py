"""No constant and no attribute of a node breaks reading: it is read or refused by a typed error, in little memory."""

from math import nan

import numpy as np
import pytest

from tests.frontend.onnx.read.onnx_models import f32, i64, one_node
from xdn.errors import XdnError
from xdn.frontend.onnx.read.net import net_of

_WHOLE = [0, 1, -1, 7, 1 << 40, -(1 << 63), (1 << 63) - 1]
_REAL = [0.0, -1.0, nan, float("inf"), 1e-45]
_SHAPES = [(0,), (), (3,), (1,) * 6, (2, 3, 2, 2), (0, 4)]

#: Scale and zero point before, and those after, a product of integers.
_SCALED = {"xs": np.float32(0.5), "xo": np.uint8(3)}
_SCALES = {"ws": f32(3), "wo": np.ones(3, np.int8), "ys": np.float32(2), "yo": np.uint8(30)}
#: How many steps there are, and the states before the first one.
_STATES = {"n": np.full(1, 2, np.int32), "h": f32(1, 1, 3), "c": f32(1, 1, 3)}

#: Operator, shape of the first input, constants, attributes: nodes that are read as they stand.
NODES = [
    ("CenterCropPad", (1, 4, 3), {"shape": i64(2, 5)}, {"axes": [1, 2]}),
    ("Clip", (1, 4), {"low": np.float32(0), "high": np.float32(1)}, {}),
    ("Concat", (1, 4, 3), {"c": f32(1, 2, 3)}, {"axis": 1}),
    ("Conv", (1, 2, 5, 5), {"w": f32(3, 2, 3, 3), "b": f32(3)}, {}),
    ("ConvInteger", (1, 2, 5, 5), {"w": np.ones((3, 2, 3, 3), np.int8), "zero": np.uint8(1)}, {"group": 1}),
    ("CumSum", (1, 4), {"axis": np.int64(1)}, {"exclusive": 1, "reverse": 1}),
    ("Expand", (1, 1, 3), {"shape": i64(1, 4, 3)}, {}),
    ("Gather", (1, 4), {"indices": i64(1, 2)}, {"axis": 1}),
    ("GatherElements", (1, 4), {"indices": i64(1, 2).reshape(1, 2)}, {"axis": 1}),
    ("GatherND", (1, 4), {"indices": i64(1, 2).reshape(1, 2, 1)}, {"batch_dims": 1}),
    ("Gemm", (1, 4), {"w": f32(4, 3), "b": f32(3)}, {}),
    ("GlobalLpPool", (1, 4, 3), {}, {"p": 2}),
    ("GroupNormalization", (1, 4, 3), {"scale": f32(4), "bias": f32(4)}, {"num_groups": 2}),
    ("InstanceNormalization", (1, 4, 3), {"scale": f32(4), "bias": f32(4)}, {}),
    ("LayerNormalization", (1, 3, 4), {"scale": f32(4), "bias": f32(4)}, {}),
    ("LSTM", (2, 1, 4), {"w": f32(1, 12, 4), "r": f32(1, 12, 3), "b": f32(1, 24), **_STATES}, {"hidden_size": 3}),
    ("GRU", (2, 1, 4), {"w": f32(1, 9, 4), "r": f32(1, 9, 3), "b": f32(1, 18)}, {"linear_before_reset": 1}),
    ("MatMul", (1, 3, 4), {"w": f32(4, 3)}, {}),
    ("MatMulInteger", (1, 4), {"w": np.ones((4, 3), np.int8), "zero": np.uint8(1)}, {}),
    ("Max", (1, 4), {"bound": np.float32(0.5)}, {}),
    ("Mul", (1, 4, 3), {"factor": f32(4, 1)}, {}),
    (
        "NonMaxSuppression",
        (1, 3, 4),
        {"s": f32(1, 2, 3), "most": i64(2), "overlap": np.float32([0.5])},
        {"center_point_box": 1},
    ),
    ("OneHot", (1, 4), {"depth": np.int64(3), "values": f32(2)}, {"axis": -1}),
    ("PRelu", (1, 4, 3), {"slope": f32(4, 1)}, {}),
    ("Pad", (1, 2, 3, 3), {"pads": i64(0, 0, 1, 1, 0, 0, 1, 1), "value": np.float32(1)}, {}),
    ("Pow", (1, 4), {"exponent": np.float32(2)}, {}),
    ("QLinearMatMul", (1, 4), {**_SCALED, "w": np.ones((4, 3), np.int8), **_SCALES}, {}),
    ("QuantizeLinear", (1, 4), {"scale": f32(4), "zero": np.ones(4, np.int8)}, {"axis": 1}),
    ("RNN", (2, 1, 4), {"w": f32(1, 3, 4), "r": f32(1, 3, 3), "b": f32(1, 6)}, {}),
    ("ReduceSum", (1, 4, 3), {"axes": i64(1)}, {"keepdims": 1}),
    ("Reshape", (1, 4, 3), {"shape": i64(1, -1)}, {}),
    ("ScatterElements", (1, 4), {"indices": i64(1, 2).reshape(1, 2), "u": f32(1, 2)}, {"axis": 1}),
    ("ScatterND", (1, 4, 2), {"indices": i64(0, 1).reshape(1, 2), "u": f32(1, 2)}, {}),
    ("Slice", (1, 4, 3), {"starts": i64(1), "ends": i64(3), "axes": i64(1)}, {}),
    ("Split", (1, 4), {"split": i64(4)}, {"axis": 1}),
    ("Squeeze", (1, 1, 3), {"axes": i64(1)}, {}),
    ("Tile", (1, 4), {"repeats": i64(1, 2)}, {}),
    ("Trilu", (1, 3, 4), {"k": np.int64(1)}, {"upper": 1}),
    ("Unsqueeze", (1, 4), {"axes": i64(1)}, {}),
    ("Where", (1, 4), {"a": f32(1, 4), "b": f32(4)}, {}),
]


def _ugly(value):
    """Yield arrays of other shapes, and of other values, all of them or the last one alone."""
    kind = value.dtype
    yield from (np.zeros(shape, kind) for shape in _SHAPES)
    # Of integers of fewer bits the lower ones are left.
    for number in np.array(_WHOLE if kind.kind in "iu" else _REAL).astype(kind):
        yield np.full(value.shape, number, kind)
        if value.size > 1:
            yield np.concatenate([value.reshape(-1)[:-1], np.array([number], kind)]).reshape(value.shape)


def _ugly_attribute(value):
    return [*([number] for number in _WHOLE), [*value, 1]] if isinstance(value, list) else _WHOLE


@pytest.mark.parametrize(("op", "shape", "constants", "attributes"), NODES, ids=[node[0] for node in NODES])
def test_each_ugly_value_alone(op, shape, constants, attributes):
    constants = {name: np.asarray(value) for name, value in constants.items()}
    net_of(one_node(op, shape, constants, **attributes), "m")
    others = [(constants | {name: ugly}, attributes) for name, value in constants.items() for ugly in _ugly(value)]
    for name, value in attributes.items():
        others += [(constants, attributes | {name: ugly}) for ugly in _ugly_attribute(value)]
    for changed, said in others:
        try:
            net_of(one_node(op, shape, changed, **said), "m")
        except XdnError:
            continue


def test_a_constant_of_a_blobs_shape_is_bounded():
    for op in ("Trilu", "EyeLike", "CumSum"):
        constants = {"axis": np.array(1)} if op == "CumSum" else {}
        with pytest.raises(XdnError, match=r"constant of shape \(40000, 40000\) is too large"):
            net_of(one_node(op, (40000, 40000), constants), "m")


def test_constants_that_are_computed_are_bounded():
    """A file of a few kilobytes may not ask for more memory than any net."""
    parts = one_node("GatherND", ("n", 16, 1 << 19), {"i": np.zeros((1, 1 << 13, 1), np.int64)}, batch_dims=1)
    with pytest.raises(XdnError, match=r"a constant of shape \(8192, 524288\) is too large"):
        net_of(parts, "m")
    # Of the scales of a block that is as long as the axis one is left, however many there are.
    scales = {"s": np.ones((1, 1 << 16), np.float32)}
    blocks = one_node("QuantizeLinear", (1, 1 << 16), scales, 21, axis=1, block_size=1 << 16)
    assert net_of(blocks, "m").blobs["y"].shape == (1, 1 << 16)


def test_weights_that_do_not_fit_are_told():
    with pytest.raises(XdnError, match=r"m: layer 'y' \(InnerProduct\): weight has the shape \(3, 2\)"):
        net_of(one_node("MatMul", (1, 4), {"w": f32(3, 2)}), "m")


def test_a_matrix_is_no_sequence():
    with pytest.raises(XdnError, match=r"node 'y' \(LSTM\): a blob of shape \(2, 4\) is no sequence"):
        net_of(one_node("LSTM", (2, 4), {"w": f32(1, 12, 4), "r": f32(1, 12, 3)}, hidden_size=3), "m")
