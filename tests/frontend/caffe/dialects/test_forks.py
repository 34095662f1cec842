"""Words of forks become ours: fused normalisations, and what tells layers of one name apart."""

import math

import numpy as np
import pytest

from xdn.errors import NetError, UnsupportedError
from xdn.frontend.caffe.build import layer_params
from xdn.frontend.caffe.dialects.forks import plain_caffe
from xdn.frontend.caffe.dialects.upgrade import upgrade
from xdn.frontend.caffe.text import prototxt
from xdn.layers import LAYERS


def plain(text):
    net = prototxt.parse(f'layer {{ name: "x" {text} }}')
    plain_caffe(net)
    return net.layer[0]


@pytest.mark.parametrize(
    ("param", "affine_only"),
    [
        ("", False),
        ("bn_param { slope_filler { } frozen: true }", False),
        ("bn_param { scale_filler { } shift_filler { } }", True),
        ("bn_param { bn_mode: INFERENCE }", True),
        ("bn_param { bn_mode: LEARN }", True),
    ],
)
def test_segnets_bn_keeps_scale_and_shift(param, affine_only):
    assert plain(f'type: "BN" {param}').bn_param.affine_only == affine_only


def test_statistics_of_the_batch_at_hand_are_not_passed_over():
    assert not plain('type: "BN" bn_param { moving_average: true }').bn_param.affine_only
    with pytest.raises(UnsupportedError, match=r"layer 'x' \(BN\): moving_average: false"):
        plain('type: "BN" bn_param { moving_average: false }')


@pytest.mark.parametrize(
    ("param", "scale_bias"),
    [
        ("", False),
        ("batch_norm_param { eps: 0.1 }", False),
        ("batch_norm_param { filler { value: 1 } }", False),  # Intel's, of a scale that a Scale layer has
        ("batch_norm_param { scale_bias: true }", True),
        ("batch_norm_param { scale_filler { value: 1 } }", True),
        ("batch_norm_param { bias_filler { value: 1 } }", True),
    ],
)
def test_nvidias_batch_norm_scales(param, scale_bias):
    layer = plain(f'type: "BatchNorm" {param}')
    assert layer.batch_norm_param.scale_bias == scale_bias
    assert not layer.batch_norm_param.HasField("scale_filler")


@pytest.mark.parametrize(
    ("param", "norm"),
    [
        ("softmax_param { normalize_type: 'L2' }", "L2"),
        ("softmax_param { normalize_type: 'L1' }", "L1"),
        ("normalize_param { bp_norm: true }", "L2"),
        ("normalize_param { normalize_type: 'L1' fix_gradient: true }", "L1"),
    ],
)
def test_the_normalize_of_happynears_fork(param, norm):
    expected = LAYERS["Normalize"](across_spatial=False, eps=1e-6, norm=norm, scaled=False)
    assert layer_params(plain(f'type: "Normalize" {param}')) == expected


def test_the_normalize_of_ssd_stays():
    assert layer_params(plain('type: "Normalize" norm_param { eps: 1 }')) == LAYERS["Normalize"](eps=1)
    assert layer_params(plain('type: "Normalize"')) == LAYERS["Normalize"]()


def test_an_unknown_norm():
    with pytest.raises(UnsupportedError, match=r"layer 'x' \(Normalize\): normalize_type is 'L3'. Known: L1, L2"):
        plain('type: "Normalize" normalize_param { normalize_type: "L3" }')


def _predicted(filters, sizes="min_size: 32 min_size: 64 min_size: 128"):
    net = prototxt.parse(
        f"""layer {{ name: "c" type: "Convolution" bottom: "a" top: "c" convolution_param {{ num_output: {filters} }} }}
        layer {{ name: "p" type: "PriorBox" bottom: "a" bottom: "x" top: "p" prior_box_param {{ {sizes} }} }}
        layer {{ name: "q" type: "PriorBox" bottom: "b" bottom: "x" top: "q" prior_box_param {{ min_size: 256 }} }}"""
    )
    plain_caffe(net)
    return [layer.prior_box_param.densified for layer in net.layer[1:]]


def test_faceboxes_are_told_by_the_number_of_their_predictions():
    assert _predicted(84) == [True, True]
    assert _predicted(12) == [False, False]
    assert _predicted(84, "min_size: 32 min_size: 64") == [False, False]


def test_the_kind_of_a_resampling():
    layer = plain('type: "Resample" resample_param { width: 8 height: 4 type: NEAREST antialias: false }')
    assert layer_params(layer) == LAYERS["Resample"](width=8, height=4, kind="NEAREST", antialias=False)
    assert layer_params(plain('type: "Resample" resample_param { width: 8 }')).kind == "LINEAR"


def test_a_pyramid_with_named_bins():
    text = "spatial_pyramid_pooling_param { pool: AVE spatial_bin: 1 spatial_bin: 3 scale: 1 }"
    net = upgrade(prototxt.parse(f'layers {{ name: "x" type: SPATIAL_PYRAMID_POOLING {text} }}'))
    plain_caffe(net)
    assert layer_params(net.layer[0]) == LAYERS["SPP"](pool="AVE", spatial_bin=(1, 3))


@pytest.mark.parametrize(
    "text",
    ["type: 'Tiling' tiling_param { tile_dim: 3 }", "type: 'PixelShuffle' pixel_shuffle_param { upscale_factor: 3 }"],
)
def test_sub_pixels_are_depth_to_space(text):
    assert layer_params(plain(text)) == LAYERS["DepthToSpace"](block_size=3, data_format="CRD")


@pytest.mark.parametrize("kind", ["Noise", "OutputDecay", "SpatialDropout"])
def test_what_only_training_does_is_dropout(kind):
    assert layer_params(plain(f"type: '{kind}'")) == LAYERS["Dropout"]()


def test_transpose_is_a_permute():
    made = plain('type: "Transpose" transpose_param { dim: 3 dim: 2 dim: 0 dim: 1 }')
    assert layer_params(made) == LAYERS["Permute"](order=(3, 2, 0, 1))
    assert made.type == "Permute"


@pytest.mark.parametrize(
    ("param", "expected"),
    [
        ("", LAYERS["ReLU"]()),
        ("relu_param { negative_slope: 0.5 }", LAYERS["ReLU"](negative_slope=0.5)),
        ("relu_param { relu6: false }", LAYERS["ReLU"]()),
        ("relu_param { relu6: true }", LAYERS["ReLU6"]()),
        ("relu_param { maximum: 4 }", LAYERS["Clip"](min=0, max=4)),
    ],
)
def test_a_relu_that_ends(param, expected):
    assert layer_params(plain(f'type: "ReLU" {param}')) == expected


@pytest.mark.parametrize("param", ["relu6: true maximum: 3", "relu6: true negative_slope: 0.1", "minimum: 1"])
def test_a_relu_of_unknown_meaning(param):
    with pytest.raises(UnsupportedError, match=r"layer 'x' \(ReLU\).*whose meaning together is unknown"):
        plain(f'type: "ReLU" relu_param {{ {param} }}')


@pytest.mark.parametrize(
    ("param", "dilation"),
    [
        ("hole: 2", [2]),
        ("hole_h: 2 hole_w: 3", [2, 3]),
        ("hole_h: 4", [4, 1]),
        ("kstride: 2", [2]),
        ("dilation_w: 3", [1, 3]),
        ("", []),
    ],
)
def test_other_words_for_a_dilation(param, dilation):
    made = plain(f'type: "Convolution" convolution_param {{ num_output: 1 kernel_size: 3 {param} }}').convolution_param
    assert list(made.dilation) == dilation
    assert not made.HasField("hole")
    if "hole" not in param:
        pooling = plain(f'type: "PoolingSK" pooling_param {{ kernel_size: 3 {param} }}').pooling_param
        assert list(pooling.dilation) == dilation


@pytest.mark.parametrize(
    "param", ["hole: 2 dilation: 2", "hole: 2 hole_h: 2", "hole: 2 kstride: 2", "hole_h: 2 kstride_w: 2"]
)
def test_a_dilation_is_given_once(param):
    with pytest.raises(NetError, match="the dilation is given in several ways"):
        plain(f'type: "Convolution" convolution_param {{ num_output: 1 kernel_size: 3 {param} }}')


def test_insanity_has_its_mean_slope():
    # The mean of 1 / a for a from 2 to 4.
    slope = plain('type: "Insanity" insanity_param { lb: 2 ub: 4 }').relu_param.negative_slope
    assert slope == pytest.approx(np.mean(1 / np.linspace(2, 4, 100001)), rel=1e-6)
    made = plain('type: "Insanity"')
    assert (made.type, made.relu_param.negative_slope) == ("ReLU", pytest.approx(math.log(2) / 5))
    with pytest.raises(NetError, match="lb 4 and ub 4"):
        plain('type: "Insanity" insanity_param { lb: 4 ub: 4 }')
    assert plain('type: "RReLU" rrelu_param { lb: 2 ub: 4 }').relu_param.negative_slope == slope
    with pytest.raises(UnsupportedError, match="no lb or no ub"):
        plain('type: "RReLU" rrelu_param { lb: 2 }')


@pytest.mark.parametrize(("param", "axes"), [("", 1), ("eltwise_affine_param { channel_shared: true }", 0)])
def test_eltwise_affine_is_a_scale(param, axes):
    made = plain(f'type: "EltwiseAffine" {param}')
    assert (made.type, made.scale_param.bias_term) == ("Scale", True)
    assert layer_params(made).num_axes == axes


@pytest.mark.parametrize(("param", "kind"), [("normalize: true", "NormalizedInnerProduct"), ("", "InnerProduct")])
def test_rows_of_length_one(param, kind):
    assert plain(f'type: "InnerProduct" inner_product_param {{ num_output: 1 {param} }}').type == kind


@pytest.mark.parametrize("kind", ["Convolution", "Deconvolution", "LRN"])
def test_ristrettos_layers_are_read_in_f32(kind, caplog):
    layer = plain(f'type: "{kind}Ristretto" quantization_param {{ bw_layer_in: 8 precision: DYNAMIC_FIXED_POINT }}')
    assert layer_params(layer).type == kind
    assert "no field 'quantization_param'" in caplog.text


def test_the_size_of_a_second_bottom():
    layer = plain('type: "BilinearInterpolation" bottom: "a" bottom: "b" top: "c"')
    assert (layer.type, layer.interp_param.use_blob_size) == ("Interp", True)
    assert plain('type: "BilinearInterpolation" bottom: "a" top: "c"').type == "BilinearInterpolation"
