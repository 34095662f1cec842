"""C3D's words for windows over films become Caffe's, in both of its versions."""

import numpy as np
import pytest

from xdn.errors import NetError, ShapeError
from xdn.frontend import load, wire
from xdn.frontend.caffe.build import layer_params
from xdn.frontend.caffe.dialects.forks import plain_caffe
from xdn.frontend.caffe.dialects.upgrade import upgrade
from xdn.frontend.caffe.text import prototxt
from xdn.layers import LAYERS


def old_film(text):
    """Return a layer of C3D 1.0, whose types stand in V1's enum, in plain Caffe's words."""
    net = upgrade(prototxt.parse(f'layers {{ name: "x" {text} }}'))
    plain_caffe(net)
    return net.layer[0]


def new_film(text):
    """Return a layer of C3D 1.1 in plain Caffe's words."""
    net = prototxt.parse(f'layer {{ name: "x" {text} }}')
    plain_caffe(net)
    return net.layer[0]


#: Of convolution_param in version 1.0, and of convolution3d_param in 1.1.
WINDOW = "num_output: 4 kernel_size: 3 kernel_depth: 2 stride: 2 temporal_stride: 1 pad: 1"


@pytest.mark.parametrize("kind", ["Convolution", "Deconvolution"])
def test_c3ds_convolutions_have_three_axes(kind):
    old = old_film(f"type: {kind.upper()}3D convolution_param {{ {WINDOW} filter_group: 2 group: 2 }}")
    new = new_film(f'type: "{kind}3D" convolution3d_param {{ {WINDOW} bias_term: false }}')
    for layer, bias in ((old, True), (new, False)):
        assert layer.type == kind
        assert not layer.HasField("convolution3d_param")
        expected = {"num_output": 4, "kernel_size": (2, 3, 3), "stride": (1, 2, 2), "pad": (0, 1, 1)}
        assert layer_params(layer) == LAYERS[kind](**expected, bias_term=bias)


def test_c3ds_poolings_have_three_axes():
    old = old_film("type: POOLING3D pooling_param { pool: AVE kernel_size: 3 kernel_depth: 1 temporal_stride: 2 }")
    new = new_film('type: "Pooling3D" pooling3d_param { kernel_size: 2 kernel_depth: 2 stride: 2 temporal_stride: 2 }')
    assert layer_params(old) == LAYERS["Pooling"](pool="AVE", kernel_size=(1, 3, 3), stride=(2, 1, 1))
    assert layer_params(new) == LAYERS["Pooling"](kernel_size=(2, 2, 2), stride=(2, 2, 2))


def test_a_softmax_over_voxels_is_a_softmax():
    assert layer_params(old_film("type: VOXEL_SOFTMAX")) == LAYERS["Softmax"]()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type: CONVOLUTION3D convolution_param { kernel_size: 3 kernel_size: 2 kernel_depth: 1 }", "2 values"),
        ("type: CONVOLUTION convolution_param { kernel_size: 3 temporal_pad: 1 }", "temporal_pad is a field of C3D"),
        (
            "type: POOLING pooling_param { kernel_size: 3 kernel_depth: 2 }",
            "kernel_depth is a field of C3D.*Write Pooling3D",
        ),
    ],
)
def test_windows_over_time_that_say_two_things_are_refused(text, message):
    with pytest.raises(NetError, match=message) as caught:
        old_film(text)
    assert "layer 'x'" in caught.value.where


def test_a_convolution_without_a_depth_is_refused():
    with pytest.raises(ShapeError, match=r"kernel \(0, 3, 3\)"):
        layer_params(old_film("type: CONVOLUTION3D convolution_param { num_output: 1 kernel_size: 3 }")).window(3)


def _film_blob(array):
    """Return a blob of C3D 1.0: num, channels, length, height, width, and the numbers as field 6."""
    extents = enumerate((1,) * (5 - array.ndim) + array.shape, 1)
    head = b"".join(wire.encode_varint(number << 3 | wire.VARINT) + wire.encode_varint(n) for number, n in extents)
    return head + wire.encode_bytes(6, array.astype("<f4").tobytes())


def test_a_caffemodel_of_c3d(tmp_path):
    (tmp_path / "net.prototxt").write_text(
        f"""layers {{ name: "d" type: VIDEO_DATA top: "d" top: "label"
            image_data_param {{ crop_size: 6 new_length: 3 }} }}
        layers {{ name: "c" type: CONVOLUTION3D bottom: "d" top: "c" convolution_param {{ {WINDOW} }} }}
        layers {{ name: "f" type: INNER_PRODUCT bottom: "c" top: "f" inner_product_param {{ num_output: 2 }} }}
        layers {{ name: "loss" type: SOFTMAX_LOSS bottom: "f" bottom: "label" }}"""
    )
    rng = np.random.default_rng(0)
    arrays = {
        "c": (rng.standard_normal((4, 3, 2, 3, 3)), rng.standard_normal(4)),
        "f": (rng.standard_normal((2, 4 * 2 * 3 * 3)), rng.standard_normal(2)),
    }
    content = b""
    for name, weights in arrays.items():
        blobs = b"".join(wire.encode_bytes(6, _film_blob(array)) for array in weights)
        content += wire.encode_bytes(2, wire.encode_bytes(4, name.encode()) + blobs)
    (tmp_path / "net.caffemodel").write_bytes(content)
    net = load(tmp_path / "net.prototxt", tmp_path / "net.caffemodel")
    assert net.inputs["d"].shape == (1, 3, 3, 6, 6)
    assert net.blobs["c"].shape == (1, 4, 2, 3, 3)
    for name, weights in arrays.items():
        for found, expected in zip(net.layer(name).weights.values(), weights, strict=True):
            np.testing.assert_array_equal(found, expected.astype(np.float32))
