"""8-bit integers and bf16 in ONNX: layers that read or hand on such, and whole nets, as ONNX Runtime runs them."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from tests.frontend.onnx.onnx_checks import check_net, one_layer_net, session_of
from tests.optimize.building import conv, data, layer, net_of
from tests.optimize.quantize.calibrating import fused, instruments_for, residual_net
from xdn import api
from xdn.element import BF16
from xdn.frontend.onnx.writer import to_onnx
from xdn.graph import Bf16, Epilogue, Quantized, WeightsOnly
from xdn.instruments import calibration, training_images
from xdn.layers.convolution import Convolution
from xdn.layers.deconvolution import Deconvolution
from xdn.layers.eltwise import Eltwise
from xdn.layers.innerproduct import InnerProduct
from xdn.layers.integer import with_integer_weights
from xdn.layers.pooling import Pooling
from xdn.layers.prelu import PReLU
from xdn.layers.relu import ReLU
from xdn.layers.relu6 import ReLU6
from xdn.optimize.pipeline import apply_stages
from xdn.optimize.quantize.calibrate import calibrate
from xdn.optimize.quantize.config import CalibrationConfig
from xdn.session import Session

#: Powers of two: x / s, which ONNX says, and x * (1 / s), which XDN computes, are then the same numbers.
U, S = Quantized(2.0**-5), Quantized(2.0**-4, signed=True)


def reading(net, *how, whole=False):
    """Return a net whose last layer reads integers so; `whole`: with its weights rounded to them."""
    made = net.layers[-1].replace(quantized=how)
    return net.replace(layers=(*net.layers[:-1], with_integer_weights(made) if whole else made))


FILTERS = [
    (Convolution(num_output=6, kernel_size=(3,), pad=(1,)), (2, 4, 5, 6)),
    (Convolution(num_output=6, kernel_size=(3, 2), stride=(2,), dilation=(2,), group=2), (2, 4, 9, 8)),
    (Convolution(num_output=8, kernel_size=(3,), pad=(1,), group=4, bias_term=False), (2, 4, 5, 6)),
    (Convolution(num_output=4, kernel_size=(3,), pad=(1,)), (2, 4, 7)),
    (Convolution(num_output=4, kernel_size=(2,)), (2, 4, 3, 4, 3)),
    (Deconvolution(num_output=6, kernel_size=(3,), stride=(2,), pad=(1,)), (2, 4, 5, 6)),
    (Deconvolution(num_output=4, kernel_size=(3,), stride=(2,)), (2, 4, 5, 6)),
    (Deconvolution(num_output=4, kernel_size=(4,), stride=(2,), pad=(1,), group=4), (2, 4, 5, 6)),
    (Deconvolution(num_output=6, kernel_size=(3,), group=2), (2, 4, 5, 6)),
    (Deconvolution(num_output=8, kernel_size=(2,), group=2, bias_term=False), (2, 4, 5)),
    (InnerProduct(num_output=5), (2, 3, 4, 2)),
    (InnerProduct(num_output=5, transpose=True), (2, 7)),
    (InnerProduct(num_output=4, axis=2, bias_term=False), (2, 3, 4)),
]


@pytest.mark.parametrize("whole", [False, True], ids=["f32 weights", "integer weights"])
@pytest.mark.parametrize("how", [U, S, Bf16()], ids=str)
@pytest.mark.parametrize(("params", "shape"), FILTERS, ids=repr)
def test_filters(params, shape, how, whole):
    check_net(reading(one_layer_net(params, shape), how, whole=whole), batches=(1, 5))


@pytest.mark.parametrize(("params", "shape"), FILTERS[1::4], ids=repr)
def test_filters_alone_are_integers(params, shape):
    net = reading(one_layer_net(params, shape), WeightsOnly(3))
    check_net(net)
    weight = next(each for each in to_onnx(net).graph.initializer if each.name.endswith("weight"))
    assert weight.data_type == onnx.TensorProto.INT8


@pytest.mark.parametrize("how", [U, S, Bf16()], ids=str)
@pytest.mark.parametrize(
    "params",
    [
        Pooling(pool="AVE", kernel_size=(3,), stride=(2,), pad=(1,)),
        Pooling(pool="AVE", global_pooling=True),
        ReLU(),
        ReLU(negative_slope=0.25),
        ReLU6(),
    ],
    ids=repr,
)
def test_layers_without_filters(params, how):
    check_net(reading(one_layer_net(params, (2, 4, 6, 5)), how), batches=(1, 5))


@pytest.mark.parametrize(
    "params", [Eltwise(), Eltwise(coeff=(1.0, -0.5)), Eltwise(operation="MAX")], ids=["SUM", "weighted", "MAX"]
)
@pytest.mark.parametrize("read", [(U, S), (Bf16(), Bf16())], ids=["integers", "bf16"])
def test_several_bottoms(params, read):
    check_net(reading(one_layer_net(params, (2, 4, 6, 5), (2, 4, 6, 5)), *read), batches=(3,))


@pytest.mark.parametrize("activation", [None, ReLU(), PReLU()], ids=repr)
@pytest.mark.parametrize("read", [(U,), (U, S), (S, U), (Bf16(), Bf16())], ids=str)
def test_a_residual(read, activation):
    params, epilogue = Convolution(num_output=4, kernel_size=(3,), pad=(1,)), Epilogue(True, activation)
    check_net(reading(one_layer_net(params, (2, 3, 5, 5), (2, 4, 5, 5), epilogue=epilogue), *read), batches=(3,))


@pytest.mark.parametrize("read", [(U, S), (Bf16(), Bf16()), (WeightsOnly(2),) * 2], ids=["integers", "bf16", "weights"])
@pytest.mark.parametrize("whole", [False, True], ids=["f32 weights", "integer weights"])
def test_a_projection(read, whole):
    projection = Convolution(num_output=4, kernel_size=(1,), stride=(2,))
    epilogue = Epilogue(activation=ReLU(), projection=projection)
    params = Convolution(num_output=4, kernel_size=(3,), pad=(1,))
    net = one_layer_net(params, (2, 3, 5, 5), (2, 7, 10, 9), epilogue=epilogue)
    check_net(reading(net, *read, whole=whole), batches=(1, 5))


MOVING = [
    layer("Concat", "moved", ["a", "b"]),
    layer("Slice", "moved", ["a"], ["moved", "rest"]),
    layer("Split", "moved", ["a"], ["moved", "rest"]),
    layer("Reshape", "moved", ["a"], shape=(0, 2, 12, -1)),
    layer("Permute", "moved", ["a"], order=(0, 2, 1, 3)),
    layer("Tile", "moved", ["a"], tiles=2),
    layer("Crop", "moved", ["a", "small"], offset=(1,)),
    layer("Pad", "moved", ["a"], pad_t=1, pad_l=2),
    layer("Reorg", "moved", ["a"], stride=2),
    layer("ShuffleChannel", "moved", ["a"], group=2),
    layer("Upsample", "moved", ["a"], scale=2),
    layer("DeephiResize", "moved", ["a"], scale_h=2.0, scale_w=2.0, resize_type="NEAREST"),
    layer("Pooling", "moved", ["a"], kernel_size=3, stride=2, pad=1),
    layer("Pooling", "moved", ["a"], pool="AVE", kernel_size=1, stride=2, round_mode="FLOOR"),
    layer("Pooling", "moved", ["a"], global_pooling=True),
]


def moving_net(moving, how):
    """Return three convolutions that read 8-bit integers, and one more after what `moving` makes of their tops."""
    net = net_of(
        data(2, 3, 6, 6),
        *(conv(name, "data", 4) for name in ("a", "b")),
        conv("small", "data", 4, stride=2),
        moving,
        conv("last", "moved", 4),
        outputs=("last",),
    )
    layers = (each.replace(quantized=(how,)) if each.type == "Convolution" else each for each in net.layers)
    return net.replace(layers=tuple(layers))


@pytest.mark.parametrize("how", [Quantized(2.0**-3), S, Bf16()], ids=str)
@pytest.mark.parametrize("moving", MOVING, ids=lambda moving: repr(moving.params))
def test_what_hands_values_on_hands_integers_on(moving, how):
    net = moving_net(moving, how)
    made = apply_stages(net, ("quantized-storage",))
    types = {"u8": onnx.TensorProto.UINT8, "s8": onnx.TensorProto.INT8, "bf16": onnx.TensorProto.FLOAT}
    inferred = onnx.shape_inference.infer_shapes(to_onnx(made), strict_mode=True)
    assert {value.name: value.type.tensor_type.elem_type for value in inferred.graph.value_info}["moved"] == types[
        how.element.name
    ]
    check_net(net, batches=(3,))
    check_net(made, batches=(3,))


def optimized(net, folder):
    """Return how often each operator stands in what ONNX Runtime runs of the net, its rewrites all on."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = str(folder / "optimized.onnx"), 3
    onnxruntime.InferenceSession(to_onnx(net).SerializeToString(), options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(folder / "optimized.onnx").graph.node)


def test_onnx_runtime_finds_its_kernels_for_integers(tmp_path):
    net = residual_net()
    net = calibrate(net, CalibrationConfig(keep_f32=("prob",)), instruments_for(net)).net
    found = optimized(apply_stages(net, ("quantized-storage",)), tmp_path)
    # The sum of a fused residual is one of f32: what is added has no integers of its own.
    assert (found["QLinearConv"], found["QGemm"], found["QLinearGlobalAveragePool"]) == (2, 1, 1)
    assert found["Conv"] + found["FusedConv"] == 1
    assert found["MaxPool"] + found["NhwcMaxPool"] == 1
    assert found["DequantizeLinear"] > 0


def test_nodes_that_make_integers_stand_once_for_all_readers():
    net = net_of(data(1, 3, 5, 5), *(conv(f"c{i}", "data", 4) for i in range(3)))
    net = net.replace(layers=(net.layers[0], *(each.replace(quantized=(U,)) for each in net.layers[1:])))
    kinds = Counter(node.op_type for node in to_onnx(net).graph.node)
    assert (kinds["QuantizeLinear"], kinds["Conv"]) == (1, 3)
    # One of the bottom, and of each convolution those of weight and bias.
    assert kinds["DequantizeLinear"] == 1 + 3 * 2


def test_weights_in_bf16_take_two_bytes_each_and_what_they_meet_is_rounded():
    net = reading(one_layer_net(InnerProduct(num_output=6), (2, 4)), Bf16())
    model = to_onnx(net)
    made = {each.name: each for each in model.graph.initializer}
    assert (made["one.weight"].data_type, len(made["one.weight"].raw_data)) == (onnx.TensorProto.BFLOAT16, 2 * 6 * 4)
    assert made["one.bias"].data_type == onnx.TensorProto.FLOAT
    x = np.float32([[1 + 2**-8, 1 + 3 * 2**-8, 1e5 / 3, -0.1], [1, 2, 3, 4]])
    (found,) = session_of(net, rewritten=True).run(None, {"x0": x})
    weights = net.layers[-1].weights
    expected = BF16.rounded(x) @ BF16.rounded(weights["weight"]).T + weights["bias"]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.abs(x @ weights["weight"].T + weights["bias"] - expected).max() > 1


def test_integers_of_the_weights_are_in_the_file_in_one_byte_each():
    net = reading(one_layer_net(Convolution(num_output=6, kernel_size=(3,)), (2, 4, 5, 6)), U)
    made = {each.name: onnx.numpy_helper.to_array(each) for each in to_onnx(net).graph.initializer}
    weight, scales = made["one.weight"], made["one.weight_scale"]
    assert (weight.dtype, weight.shape, made["one.bias"].dtype) == (np.int8, (6, 4, 3, 3), np.int32)
    real = net.layers[-1].weights
    assert np.abs(weight * scales.reshape(-1, 1, 1, 1) - real["weight"]).max() <= scales.max() / 2
    np.testing.assert_allclose(
        made["one.bias"] * made["one.bias_scale"], real["bias"], atol=made["one.bias_scale"].max()
    )


@pytest.mark.parametrize(
    "source", [pytest.param("glyphs10", id="glyphs10"), pytest.param("cifar10", marks=pytest.mark.slow)]
)
def test_onnx_runtime_gives_the_labels_of_a_trained_net(source, request, monkeypatch):
    if source == "cifar10":
        monkeypatch.setenv("XDN_DATA", request.getfixturevalue("cifar10"))
    folder = Path(__file__).parents[4] / "prototxt" / f"resnet20_{source}"
    net = fused(api.load(folder / "resnet20.prototxt", folder / "resnet20.caffemodel"))
    images = training_images(source, net, split="test")
    net = calibrate(net, CalibrationConfig(images=64), calibration(net, images, 64)).net
    x = api.pixel_transform(net, images.shape, images.channel_order).apply(images.images(0, 250))
    (expected,) = Session(net).run(None, {"data": x})
    stored = apply_stages(net, ("quantized-storage",))
    for each, rewritten in ((net, True), (stored, True), (stored, False)):
        (found,) = session_of(each, rewritten=rewritten).run(None, {"data": x})
        # Its own roundings put a few values on the next integer, and probabilities between two classes move.
        assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.996
        assert np.abs(found - expected).max() < 0.1
        assert np.abs(found - expected).mean() < 1e-3
