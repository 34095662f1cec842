"""Layers of forks that another type computes."""

import numpy as np
import pytest

from xdn.errors import NetError, UnsupportedError
from xdn.frontend.caffe.load import net_from_message
from xdn.frontend.caffe.text import prototxt

INPUT = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 2 dim: 2 } } }'


def computed(x, layer):
    """Return what a layer gives for x, its weights being 2, 3, 4, ..."""
    net = net_from_message(prototxt.parse(f'{INPUT} layer {{ name: "y" bottom: "x" top: "y" {layer} }}'))
    shapes = net.layers[1].params.weight_shapes([net.blobs["x"]])
    weights = {
        name: np.arange(2, 2 + np.prod(shape), dtype=np.float32).reshape(shape) for name, shape in shapes.items()
    }
    return net.with_weights({"y": weights}).forward({"x": x})["y"] if weights else net.forward({"x": x})["y"]


def of_images(x):
    return x / np.linalg.norm(x.reshape(2, -1), axis=1).reshape(2, 1, 1, 1)


def of_positions(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ('type: "Normalization"', of_images),
        ('type: "Normalization" normalization_param { norm: L2 }', of_images),
        ('type: "L2Norm"', of_images),
        ('type: "L2Normalization"', of_images),
        ('type: "L2Normalization" l2n_param { axis: 1 eps: 1e-9 }', of_positions),
        ('type: "Norm"', of_positions),
        ('type: "Norm" norm_param { across_spatial: false scale_filler { value: 20 } }', lambda x: 2 * of_positions(x)),
        (
            'type: "Padding" padding_param { pad_beg: 1 pad_end: 2 }',
            lambda x: np.pad(x, ((0, 0), (0, 0), (1, 2), (1, 2))),
        ),
        (
            'type: "Padding" padding_param { pad_h: 1 pad_w: 2 }',
            lambda x: np.pad(x, ((0, 0), (0, 0), (1, 1), (2, 2))),
        ),
        (
            'type: "Padding" padding_param { pad_h_top: 1 pad_w_right: 2 }',
            lambda x: np.pad(x, ((0, 0), (0, 0), (1, 0), (0, 2))),
        ),
        (
            'type: "Padding" padding_param { pad_t: 1 pad_r: 2 pad_method: CONSTANT pad_value: 0 }',
            lambda x: np.pad(x, ((0, 0), (0, 0), (1, 0), (0, 2))),
        ),
        (
            'type: "Pad" pad_param { pad: 1 type: REFLECT }',
            lambda x: np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="symmetric"),
        ),
        ('type: "ReLU6" relu6_param { } relu_param { engine: CAFFE }', lambda x: np.clip(x, 0, 6)),
        ('type: "GradientScaler" gradient_scaler_param { alpha: 10 }', lambda x: x),
        (
            'type: "ConvolutionDepthwise" convolution_param { num_output: 3 kernel_size: 1 bias_term: false }',
            lambda x: x * np.float32([2, 3, 4]).reshape(3, 1, 1),
        ),
        (
            'type: "DepthwiseConv" convolution_param { num_output: 3 kernel_size: 1 bias_term: false group: 1 }',
            lambda x: x * np.float32([2, 3, 4]).reshape(3, 1, 1),
        ),
        ('type: "Interp" bottom: "x"', lambda x: x),
        (
            'type: "DataAugmentation" coeff_schedule_param { half_life: 3 } augmentation_param '
            "{ mean: 1 mean: 2 mean: 3 mean_per_pixel: false zoom { spread: 2 } }",
            lambda x: x - np.float32([1, 2, 3]).reshape(3, 1, 1),
        ),
        (
            'type: "Scalar" scalar_param { axis: 1 num_axes: 1 filler { value: 3 } }',
            lambda x: x * np.float32([2, 3, 4]).reshape(3, 1, 1),
        ),
    ],
)
def test_what_they_compute(rng, layer, expected):
    x = rng.standard_normal((2, 3, 2, 2), np.float32)
    np.testing.assert_allclose(computed(x, layer), expected(x), rtol=1e-5)


def test_boxes_have_means_and_deviations():
    text = """type: "BoxOutput" box_output_param { field_h: 1 field_w: 1 downsample_rate: 1 }
        bbox_reg_param { bbox_mean: 0 bbox_mean: 1 bbox_mean: 2 bbox_mean: 3
            bbox_std: 1 bbox_std: 1 bbox_std: 1 bbox_std: 1 }"""
    net = net_from_message(
        prototxt.parse(
            f"""layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: 1 dim: 6 dim: 2 dim: 2 }} }} }}
                layer {{ name: "y" bottom: "x" top: "y" {text} }}"""
        )
    )
    assert net.layers[1].params.bbox_mean == (0, 1, 2, 3)


def _unpooled(stated, bottoms='bottom: "maxima" bottom: "mask"'):
    return net_from_message(
        prototxt.parse(
            f"""{INPUT} layer {{ name: "p" type: "Pooling" bottom: "x" top: "maxima" top: "mask"
                pooling_param {{ kernel_size: 2 stride: 2 }} }}
            layer {{ name: "y" type: "MaxUnPool" {bottoms} top: "y" max_unpool_param {{ {stated} }} }}"""
        )
    )


def test_maxima_go_back_where_they_were(rng):
    x = rng.random((2, 3, 2, 2), np.float32)
    top = _unpooled("dst_h: 2 dst_w: 2").forward({"x": x})["y"]
    np.testing.assert_array_equal(top, np.where(x == x.max((2, 3), keepdims=True), x, 0))


@pytest.mark.parametrize("given", [("dst_h: 2",), ("dst_h: 2 dst_w: 0",), ("dst_h: 2 dst_w: 2", 'bottom: "maxima"')])
def test_unpooling_needs_a_mask_and_a_size(given):
    with pytest.raises(NetError, match=r"layer 'y' .*bottoms and max_unpool_param .*dst_h and dst_w"):
        _unpooled(*given)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ('type: "Normalization" normalization_param { norm: L1 }', "a norm other than L2"),
        ('type: "L2Normalization" l2n_param { is_global: true }', "an axis of 1 is read"),
        (
            'type: "DataAugmentation" augmentation_param { augment_during_test: true mirror { prob: 1 } noise { } }',
            "augment_during_test draws .*mirror",
        ),
        ('type: "ReLU6" relu6_param { negative_slope: 0.1 }', "relu6_param: a negative_slope"),
        ('type: "Padding" padding_param { pad_beg: -1 pad_end: -1 }', "pad_beg -1, which cuts off"),
        ('type: "Padding" padding_param { pad: 1 pad_value: 2 }', "something else than zeros"),
        ('type: "Padding" padding_param { pad_to_power_of_2: true }', "something else than zeros"),
    ],
)
def test_what_is_something_else_is_refused(layer, message):
    with pytest.raises(UnsupportedError, match=rf"layer 'y' .*{message}"):
        computed(np.zeros((2, 3, 2, 2), np.float32), layer)
