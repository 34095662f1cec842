"""Crops without offsets: what the ways to their bottoms tell, against the offsets that FCN's authors published."""

import logging

import pytest

from xdn.errors import NetError, UnsupportedError
from xdn.frontend.caffe.dialects.cropping import aligned_apart
from xdn.frontend.caffe.text import prototxt


def layer(name, kind, bottoms, param=""):
    read = " ".join(f'bottom: "{bottom}"' for bottom in bottoms)
    return f'layer {{ name: "{name}" type: "{kind}" {read} top: "{name}" {param} }}'


def conv(name, bottom, param, kind="Convolution"):
    return layer(name, kind, [bottom], f"convolution_param {{ num_output: 2 {param} }}")


def pool(name, bottom):
    return layer(name, "Pooling", [bottom], "pooling_param { kernel_size: 2 stride: 2 }")


def offsets(text, crop="crop"):
    net = prototxt.parse(text)
    aligned_apart(net)
    found = next(each for each in net.layer if each.name == crop)
    assert (found.type, found.crop_param.axis) == ("Crop", 2)
    return list(found.crop_param.offset)


#: As much of FCN as plays a part: padding of 100 at the first convolution, five poolings, and a 7x7 convolution.
FCN = conv("c1", "data", "kernel_size: 3 pad: 100") + layer("r", "ReLU", ["c1"])
for number, below in enumerate(["r", "p1", "p2", "p3", "p4"], start=1):
    FCN += pool(f"p{number}", below)
FCN += conv("fc", "p5", "kernel_size: 7") + layer("drop", "Dropout", ["fc"])


@pytest.mark.parametrize("kind", ["CROP", "AutoCrop", "FCNCrop"])
def test_fcn_32s(kind):
    text = FCN + conv("up", "drop", "kernel_size: 64 stride: 32", "Deconvolution")
    assert offsets(text + layer("crop", kind, ["up", "data"])) == [19, 19]


def test_fcn_8s():
    text = FCN + conv("up", "drop", "kernel_size: 4 stride: 2", "Deconvolution")
    text += conv("s4", "p4", "kernel_size: 1") + layer("crop4", "CROP", ["s4", "up"])
    text += layer("sum4", "Eltwise", ["up", "crop4"])
    text += conv("up4", "sum4", "kernel_size: 4 stride: 2", "Deconvolution")
    text += conv("s3", "p3", "kernel_size: 1") + layer("crop3", "CROP", ["s3", "up4"])
    text += layer("sum3", "Eltwise", ["up4", "crop3"])
    text += conv("up3", "sum3", "kernel_size: 16 stride: 8", "Deconvolution") + layer("crop", "CROP", ["up3", "data"])
    assert [offsets(text, crop) for crop in ("crop4", "crop3", "crop")] == [[5, 5], [9, 9], [31, 31]]


def test_heights_and_widths_are_apart():
    text = conv("c", "data", "kernel_h: 3 kernel_w: 1 pad_h: 4 pad_w: 2") + layer("crop", "CROP", ["c", "data"])
    assert offsets(text) == [3, 2]


def test_u_nets_crop_is_the_middle():
    text = conv("c1", "data", "kernel_size: 3") + pool("p", "c1") + conv("c2", "p", "kernel_size: 3")
    text += conv("up", "c2", "kernel_size: 2 stride: 2", "Deconvolution")
    assert offsets(text + layer("crop", "CROP", ["c1", "up"])) == [2, 2]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (layer("crop", "CROP", ["a"]), NetError, "1 bottoms"),
        (layer("crop", "CROP", ["a", "b"]), NetError, "they share no blob"),
        (pool("p", "data") + layer("crop", "CROP", ["data", "p"]), NetError, "begin .* 0.5 times as dense"),
        (conv("c", "data", "kernel_size: 3") + layer("crop", "CROP", ["c", "data"]), NetError, "begin -1 and -1"),
        (layer("i", "InnerProduct", ["data"]) + layer("crop", "CROP", ["i", "data"]), UnsupportedError, "layer 'i'"),
        (
            conv("c", "data", "kernel_size: 1 stride: 9999999") + layer("crop", "CROP", ["c", "data"]),
            UnsupportedError,
            "beyond all bounds",
        ),
    ],
)
def test_what_no_crop_does_is_refused(text, error, message):
    with pytest.raises(error, match=rf"layer 'crop' \(CROP\): .*{message}"):
        aligned_apart(prototxt.parse(text))


def test_a_way_in_a_circle_ends():
    circle = layer("x", "ReLU", ["y"]) + layer("y", "ReLU", ["x"])
    with pytest.raises(NetError, match="they share no blob"):
        aligned_apart(prototxt.parse(circle + layer("crop", "CROP", ["x", "z"])))


def test_plain_caffes_crop_starts_at_0_with_a_warning(caplog):
    caplog.set_level(logging.WARNING)
    text = conv("c", "data", "kernel_size: 3 pad: 35")
    net = prototxt.parse(text + layer("crop", "Crop", ["c", "data"]))
    aligned_apart(net)
    assert not net.layer[1].crop_param.offset
    assert "crop_param { offset: 34 offset: 34 }" in caplog.text
    caplog.clear()
    aligned_apart(prototxt.parse(text + layer("crop", "Crop", ["c", "data"], "crop_param { offset: 0 }")))
    aligned_apart(prototxt.parse(layer("crop", "Crop", ["a", "b"])))
    assert not caplog.text
