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

#: Operator, shape of the first input, constants, attributes: nodes that are read as they stand.
NODES = [
    ("CenterCropPad", (1, 4, 3), {"shape": i64(2, 5)}, {"axes": [1, 2]}),
    ("Clip", (1, 4), {"low": np.float32(0), "high": np.float32(1)}, {}),
    ("Conv", (1, 2, 5, 5), {"w": f32(3, 2, 3, 3), "b": f32(3)}, {}),
    ("CumSum", (1, 4), {"axis": np.int64(1)}, {}),
    ("Expand", (1, 1, 3), {"shape": i64(1, 4, 3)}, {}),
    ("Gather", (1, 4), {"indices": i64(1, 2)}, {"axis": 1}),
    ("Gemm", (1, 4), {"w": f32(4, 3), "b": f32(3)}, {}),
    ("GlobalLpPool", (1, 4, 3), {}, {"p": 2}),
    ("GroupNormalization", (1, 4, 3), {"scale": f32(4), "bias": f32(4)}, {"num_groups": 2}),
    ("InstanceNormalization", (1, 4, 3), {"scale": f32(4), "bias": f32(4)}, {}),
    ("LayerNormalization", (1, 3, 4), {"scale": f32(4), "bias": f32(4)}, {}),
    ("LSTM", (2, 1, 4), {"w": f32(1, 12, 4), "r": f32(1, 12, 3), "b": f32(1, 24)}, {"hidden_size": 3}),
    ("MatMul", (1, 3, 4), {"w": f32(4, 3)}, {}),
    ("Max", (1, 4), {"bound": np.float32(0.5)}, {}),
    ("Mul", (1, 4, 3), {"factor": f32(4, 1)}, {}),
    ("OneHot", (1, 4), {"depth": np.int64(3), "values": f32(2)}, {"axis": -1}),
    ("PRelu", (1, 4, 3), {"slope": f32(4, 1)}, {}),
    ("Pad", (1, 2, 3, 3), {"pads": i64(0, 0, 1, 1, 0, 0, 1, 1), "value": np.float32(1)}, {}),
    ("Pow", (1, 4), {"exponent": np.float32(2)}, {}),
    ("ReduceSum", (1, 4, 3), {"axes": i64(1)}, {"keepdims": 1}),
    ("Reshape", (1, 4, 3), {"shape": i64(1, -1)}, {}),
    ("Slice", (1, 4, 3), {"starts": i64(1), "ends": i64(3), "axes": i64(1)}, {}),
    ("Split", (1, 4), {"split": i64(4)}, {"axis": 1}),
    ("Squeeze", (1, 1, 3), {"axes": i64(1)}, {}),
    ("Tile", (1, 4), {"repeats": i64(1, 2)}, {}),
    ("Trilu", (1, 3, 4), {"k": np.int64(1)}, {"upper": 1}),
    ("Unsqueeze", (1, 4), {"axes": i64(1)}, {}),
]


def _ugly(value):
    """Yield arrays of other shapes, and of other values, all of them or the last one alone."""
    kind = value.dtype
    yield from (np.zeros(shape, kind) for shape in _SHAPES)
    for number in _WHOLE if kind.kind == "i" else _REAL:
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


def test_weights_that_do_not_fit_are_told():
    with pytest.raises(XdnError, match=r"m: layer 'y' \(InnerProduct\): weight has the shape \(3, 2\)"):
        net_of(one_node("MatMul", (1, 4), {"w": f32(3, 2)}), "m")


def test_a_matrix_is_no_sequence():
    with pytest.raises(XdnError, match=r"node 'y' \(LSTM\): a blob of shape \(2, 4\) is no sequence"):
        net_of(one_node("LSTM", (2, 4), {"w": f32(1, 12, 4), "r": f32(1, 12, 3)}, hidden_size=3), "m")
