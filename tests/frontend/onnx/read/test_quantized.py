import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import xdn
from tests.frontend.onnx.emit.test_quantized import FILTERS, U, reading
from tests.frontend.onnx.onnx_checks import one_layer_net
from tests.frontend.onnx.read.onnx_models import check_node, check_refused, f32, model_of
from tests.optimize.quantize.calibrating import instruments_for, residual_net
from xdn.errors import ShapeError, UnsupportedError
from xdn.frontend.onnx.read.net import net_of
from xdn.frontend.onnx.writer import to_onnx
from xdn.graph import Bf16, Quantized
from xdn.layers.pooling import Pooling
from xdn.optimize.quantize.calibrate import calibrate
from xdn.optimize.quantize.config import CalibrationConfig


def _values(net, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(blob.shape).astype(np.float32) for name, blob in net.inputs.items()}


def _same_again(net):
    """Assert that a net that is written and read again gives the same bits; return what is read."""
    again = net_of(to_onnx(net), "again")
    feed = _values(net)
    wanted, found = net.forward(feed), again.forward(feed)
    for name in net.outputs:
        np.testing.assert_array_equal(found[name], wanted[name])
    return again


@pytest.mark.parametrize("how", [U, Bf16()], ids=str)
@pytest.mark.parametrize(("params", "shape"), FILTERS, ids=repr)
def test_filters_that_are_written_and_read_again(params, shape, how):
    net = reading(one_layer_net(params, shape), how, whole=isinstance(how, Quantized))
    again = _same_again(net)
    if params.type == "Convolution":
        assert [layer.quantized for layer in again.layers[1:]] == [(how,)]


def test_a_calibrated_net():
    net = residual_net()
    calibrated = calibrate(net, CalibrationConfig(keep_f32=("prob",)), instruments_for(net)).net
    again = _same_again(calibrated)
    assert sum(bool(layer.quantized) for layer in calibrated.layers) > 3
    x = _values(again)
    (session,) = xdn.Session(again).run(None, x)
    (name,) = again.outputs
    np.testing.assert_allclose(session, again.forward(x)[name], rtol=1e-5, atol=1e-6)


def _between(name, source, scale, zero):
    """Return nodes and constants that round `source` to integers, and the name of the values."""
    constants = {f"{name}.scale": np.float32(scale), f"{name}.zero": zero}
    nodes = [
        helper.make_node("QuantizeLinear", [source, *constants], [f"{name}.integers"]),
        helper.make_node("DequantizeLinear", [f"{name}.integers", *constants], [name]),
    ]
    return nodes, constants


def _conv_model(zero):
    nodes, constants = _between("rounded", "x", 0.03, zero)
    weights = {
        "w.integers": np.random.default_rng(2).integers(-127, 128, (4, 3, 3, 3)).astype(np.int8),
        "w.scale": f32(4) / 100,
        "w.zero": np.zeros(4, np.int8),
    }
    nodes += [
        helper.make_node("DequantizeLinear", list(weights), ["w"], axis=0),
        helper.make_node("Conv", ["rounded", "w"], ["y"]),
    ]
    return model_of(nodes, {"x": (2, 3, 6, 6)}, constants | weights)


@pytest.mark.parametrize(
    ("zero", "signed"),
    [(np.uint8(0), False), (np.int8(-128), False), (np.int8(0), True), (np.uint8(128), True)],
)
def test_zero_points(zero, signed):
    model = _conv_model(zero)
    net = net_of(model, "m")
    assert net.layers[-1].quantized == (Quantized(0.03, signed),)
    assert "weight_scale" in net.layers[-1].weights
    feed = _values(net)
    (wanted,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feed)
    # ONNX divides by the scale where XDN multiplies by what 1 / scale is rounded to.
    np.testing.assert_allclose(net.forward(feed)["y"], wanted, rtol=1e-4, atol=1e-4)


def test_a_zero_point_that_is_not_there(caplog):
    net = net_of(_conv_model(np.uint8(100)), "m")
    assert net.layers[-1].quantized == ()
    assert "a zero point of 100" in caplog.text


def test_what_hands_values_on_is_left_alone():
    nodes, constants = _between("rounded", "x", 0.03, np.int8(0))
    nodes += [
        helper.make_node("MaxPool", ["rounded"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Relu", ["pooled"], ["y"]),
    ]
    model = model_of(nodes, {"x": (2, 3, 6, 6)}, constants)
    net = net_of(model, "m")
    assert [(layer.type, bool(layer.quantized)) for layer in net.layers[1:]] == [("Pooling", False), ("ReLU", True)]
    feed = _values(net)
    (wanted,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feed)
    np.testing.assert_allclose(net.forward(feed)["y"], wanted, rtol=1e-5)


@pytest.mark.parametrize(
    "parting",
    [
        helper.make_node("Split", ["rounded"], ["part", "rest"], axis=1),
        helper.make_node("Slice", ["rounded", "from", "to", "axes"], ["part"]),
    ],
    ids=lambda node: node.op_type,
)
def test_parts_of_what_is_rounded_are_rounded(parting):
    nodes, constants = _between("rounded", "x", 0.5, np.int8(0))
    ends = {name: np.array([value], np.int64) for name, value in (("from", 0), ("to", 2), ("axes", 1))}
    relu = helper.make_node("Relu", ["part"], ["y"])
    model = model_of([*nodes, parting, relu], {"x": (2, 4, 3, 3)}, constants | ends, opset=11)
    net = net_of(model, "m")
    assert net.layers[-1].quantized == (Quantized(0.5, True),)
    feed = _values(net)
    (wanted,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feed)
    np.testing.assert_allclose(net.forward(feed)["y"], wanted, rtol=1e-6)


def test_what_cannot_read_integers_gets_their_values():
    nodes, constants = _between("rounded", "x", 0.03, np.int8(0))
    nodes.append(helper.make_node("Add", ["rounded", "x"], ["y"]))
    model = model_of(nodes, {"x": (2, 3, 4, 4)}, constants)
    net = net_of(model, "m")
    assert [(layer.type, bool(layer.quantized)) for layer in net.layers[1:]] == [("Power", True), ("Eltwise", False)]
    feed = _values(net)
    (wanted,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feed)
    np.testing.assert_allclose(net.forward(feed)["y"], wanted, rtol=1e-5, atol=1e-6)
    (found,) = xdn.Session(xdn.optimize(net).net).run(None, feed)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_an_average_of_integers():
    _same_again(reading(one_layer_net(Pooling(pool="AVE", global_pooling=True), (2, 4, 6, 5)), U))


def test_a_single_integer():
    constants = {"i": np.array(3, np.int8), "s": np.array(0.5, np.float32)}
    nodes = [helper.make_node("DequantizeLinear", ["i", "s"], ["v"]), helper.make_node("Add", ["x", "v"], ["y"])]
    net = net_of(model_of(nodes, {"x": (1, 3)}, constants), "m")
    np.testing.assert_array_equal(net.forward({"x": np.zeros((1, 3), np.float32)})["y"], np.full((1, 3), 1.5))


def _agrees(nodes, constants, shape, outputs=("y",), opset=21):
    """Assert that a net and the reference of the package `onnx` agree, but for the last bits."""
    model = model_of(nodes, {"x": shape}, constants, outputs, opset)
    x = 5 * np.random.default_rng(4).standard_normal(shape).astype(np.float32)
    found = net_of(model, "m").forward({"x": x})
    for name, wanted in zip(outputs, ReferenceEvaluator(model).run(None, {"x": x}), strict=True):
        np.testing.assert_allclose(found[name], wanted.astype(np.float32), rtol=1e-6)


def test_integers_of_another_scale():
    """They are what they are, whatever reads them: also as outputs, and by what hands them on."""
    nodes, constants = _between("rounded", "x", 0.03, np.int8(0))
    nodes[1].input[1] = "other"
    nodes += [
        helper.make_node("Transpose", ["rounded.integers"], ["turned"], perm=[0, 2, 1]),
        helper.make_node("Cast", ["turned"], ["y"], to=TensorProto.FLOAT),
    ]
    _agrees(nodes, constants | {"other": np.float32(0.5)}, (1, 2, 3), ("rounded", "rounded.integers", "y"))


@pytest.mark.parametrize(
    ("scale", "zero", "attributes"),
    [
        (f32(3), np.arange(3, dtype=np.uint8), {"axis": 1}),
        (f32(1, 3, 2), np.arange(6, dtype=np.int16).reshape(1, 3, 2), {"axis": 2, "block_size": 2}),
        (np.float32(0.5), np.array(3, np.uint16), {}),
        (f32(2), np.array([1, 0], np.int8), {"axis": 0}),
    ],
    ids=["channels", "blocks", "16 bits", "images"],
)
def test_integers_of_other_forms(scale, zero, attributes):
    """Several scales, along images too where the model states their number, blocks, and other types."""
    constants = {"s": scale, "o": zero}
    nodes = [helper.make_node("QuantizeLinear", ["x", "s", "o"], ["q"], **attributes)]
    nodes += [helper.make_node("DequantizeLinear", ["q", "s", "o"], ["y"], **attributes)]
    _agrees(nodes, constants, (1 if scale.ndim == 3 else 2, 3, 4), ("q", "y"))


def test_a_scale_of_the_values_themselves():
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "o"]),
        helper.make_node("DequantizeLinear", ["q", "s", "o"], ["y"]),
    ]
    _agrees(nodes, {}, (2, 3), ("q", "y"))


def test_scales_that_are_refused():
    nodes = [helper.make_node("QuantizeLinear", ["x", "s"], ["y"])]
    with pytest.raises(UnsupportedError, match="its input 1 must be a constant, or one number"):
        net_of(model_of(nodes, {"x": ("n", 3), "s": ("n", 3)}), "m")
    with pytest.raises(ShapeError, match=r"scales of shape \(2,\) for values of shape \(1, 3\)"):
        net_of(model_of(nodes, {"x": (1, 3)}, {"s": f32(2)}), "m")


@pytest.mark.parametrize("to", [TensorProto.UINT8, TensorProto.INT4, TensorProto.UINT2])
def test_integers_of_fewer_bits(to):
    """Their lower bits are left."""
    nodes = [
        helper.make_node("Cast", ["x"], ["i"], to=TensorProto.INT32),
        helper.make_node("Cast", ["i"], ["y"], to=to),
    ]
    _agrees(nodes, {}, (2, 30), opset=25)


def test_bf16_by_casts():
    nodes = [
        helper.make_node("Cast", ["x"], ["short"], to=TensorProto.BFLOAT16),
        helper.make_node("Cast", ["short"], ["long"], to=TensorProto.FLOAT),
        helper.make_node("Relu", ["long"], ["y"]),
    ]
    assert net_of(model_of(nodes, {"x": (1, 3)}), "m").layers[-1].quantized == (Bf16(),)


def test_casts_between_real_numbers_are_names():
    assert check_node("Cast", (2, 3), to=TensorProto.FLOAT) == ["Split"]
    check_refused("Cast", (2, 3), to=TensorProto.STRING, reason="numbers of type STRING")


def test_casts_to_whole_numbers_and_truth_values():
    nodes = [
        helper.make_node("Cast", ["x"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Cast", ["whole"], ["truth"], to=TensorProto.BOOL),
        helper.make_node("Cast", ["truth"], ["one"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["whole"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["one", "real"], ["y"], axis=1),
    ]
    net = net_of(model_of(nodes, {"x": (1, 5)}), "m")
    found = net.forward({"x": np.float32([[-1.7, -0.5, 0, 0.5, 2.5]])})["y"]
    np.testing.assert_array_equal(found, [[1, 0, 0, 0, 1, -1, 0, 0, 0, 2]])


def test_casts_to_the_type_of_a_constant():
    check_node("CastLike", (2, 3), {"like": np.zeros(1, np.float32)})
    node = helper.make_node("CastLike", ["x", "like"], ["y"])
    net = net_of(model_of([node], {"x": (1, 2)}, {"like": np.zeros(1, np.int32)}), "m")
    np.testing.assert_array_equal(net.forward({"x": np.float32([[1.5, -1.5]])})["y"], [[1, -1]])
