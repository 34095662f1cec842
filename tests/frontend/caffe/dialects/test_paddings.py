"""Padding that differs from side to side: what becomes of it, and that the net then computes the same."""

import numpy as np
import pytest

from xdn.errors import NetError, UnsupportedError
from xdn.frontend.caffe.dialects.paddings import padded_apart
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt
from xdn.frontend.weights import random_weights

INPUT = 'layer { name: "i" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 dim: 6 dim: 7 } } }\n'


def layers(text):
    net = prototxt.parse(text)
    padded_apart(net)
    return list(net.layer)


def layer(param, kind="Convolution"):
    return f'layer {{ name: "c" type: "{kind}" bottom: "x" top: "y" {param} }}\n'


def test_sides_that_agree_are_height_and_width():
    (made,) = layers(layer("convolution_param { pad_t: 1 pad_b: 1 pad_l: 2 pad_r: 2 }"))
    assert (made.convolution_param.pad_h, made.convolution_param.pad_w) == (1, 2)


@pytest.mark.parametrize("kind", ["Convolution", "DepthwiseConvolution"])
def test_sides_that_differ_are_a_pad_before(kind):
    pad, made = layers(layer("convolution_param { pad_b: 1 pad_r: 1 }", kind))
    assert (pad.name, pad.type, list(pad.bottom), list(pad.top)) == ("c_padding", "Pad", ["x"], ["c_padding"])
    assert (pad.pad_param.pad_t, pad.pad_param.pad_b, pad.pad_param.pad_l, pad.pad_param.pad_r) == (0, 1, 0, 1)
    assert (made.name, list(made.bottom), list(made.top)) == ("c", ["c_padding"], ["y"])
    assert not made.convolution_param.ListFields()


def test_the_pad_has_a_name_of_its_own():
    made = layers('layer { name: "c_padding" type: "ReLU" }' + layer("convolution_param { pad_b: 1 }"))
    assert [each.name for each in made] == ["c_padding", "c_padding_", "c"]


def test_same_knows_its_window():
    pad, made = layers(layer("convolution_param { kernel_h: 3 kernel_w: 5 stride: 2 pad_type: 1 }"))
    assert (list(pad.pad_param.same_kernel), list(pad.pad_param.same_stride)) == ([3, 5], [2, 2])
    assert not made.convolution_param.HasField("pad_type")


def test_an_average_within_the_image():
    for name in ("AVE_EXC_PAD", "AVE_TF"):
        (made,) = layers(layer(f"pooling_param {{ pool: {name} }}", "Pooling"))
        assert (made.pooling_param.pool, made.pooling_param.count_padding) == (1, False)
        (made,) = layers(layer(f"spp_param {{ pool: {name} }}", "SPP"))
        assert (made.spp_param.pool, made.spp_param.count_padding) == (1, False)


@pytest.mark.parametrize(
    ("param", "kind", "error", "message"),
    [
        ("pad: 1 pad_t: 1", "Convolution", NetError, "several ways"),
        ("pad_t: 1 pad_type: 1", "Convolution", NetError, "several ways"),
        ("pad_h: 1 pad_type: 1", "Convolution", NetError, "several ways"),
        ("pad_type: 2", "Convolution", UnsupportedError, "pad_type 2"),
        ("pad_t: 1", "Deconvolution", UnsupportedError, "Deconvolution whose padding"),
        ("pad_type: 1 kernel_size: 3 dilation: 2", "Convolution", UnsupportedError, "dilation"),
        ("pad_type: 1 kernel_size: 3 kernel_size: 3 kernel_size: 3", "Convolution", UnsupportedError, "images"),
    ],
)
def test_what_contradicts_is_refused(param, kind, error, message):
    with pytest.raises(error, match=rf"layer 'c' \({kind}\).*{message}"):
        layers(layer(f"convolution_param {{ {param} }}", kind))


@pytest.mark.parametrize(
    ("stated", "above", "below", "left", "right"),
    [("pad_t: 1 pad_r: 2", 1, 0, 0, 2), ("pad_type: 1 stride: 2", 0, 1, 1, 1), ("pad_type: 1", 1, 1, 1, 1)],
)
def test_a_net_computes_what_is_padded_by_hand(stated, above, below, left, right):
    text = INPUT + layer("convolution_param { num_output: 3 kernel_size: 3 %s }")
    net = random_weights(net_from_message(prototxt.parse(text % stated)), 0)
    x = np.random.default_rng(0).standard_normal((1, 2, 6, 7)).astype(np.float32)
    stride = "stride: 2" if "stride" in stated else ""
    plain = net_from_message(prototxt.parse(text % stride))
    padded = plain.with_weights({"c": net.layer("c").weights}).reshape(
        {"x": (1, 2, 6 + above + below, 7 + left + right)}
    )
    border = ((0, 0), (0, 0), (above, below), (left, right))
    np.testing.assert_array_equal(net.forward({"x": x})["y"], padded.forward({"x": np.pad(x, border)})["y"])
