"""Words of forks become ours: fused normalisations and Python layers of known meaning."""

import pytest

from xdn.errors import UnsupportedError
from xdn.frontend.caffe.build import layer_params
from xdn.frontend.caffe.dialects.forks import plain_caffe, refuse_python
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


@pytest.mark.parametrize(
    ("words", "stride", "scales", "ratios"),
    [
        ("'feat_stride': 16", 16, [], []),
        ("{'feat_stride': 8, 'scales': [4, 8.5], 'ratios': (0.5, 1)}", 8, [4, 8.5], [0.5, 1]),
        (r"'feat_stride': 16 \n'scales': !!python/tuple [2, 4, 8]", 16, [2, 4, 8], []),
        (r"feat_stride: 16\nscales: !!python/tuple\n- 4\n- 8\nratios: [2.0]", 16, [4, 8], [2]),
        ("", 0, [], []),
    ],
)
def test_the_proposal_layer_of_faster_rcnn(words, stride, scales, ratios):
    layer = plain(
        f'type: "Python" python_param {{ module: "rpn.proposal_layer" layer: "ProposalLayer" param_str: "{words}" }}'
    )
    assert (layer.type, layer.HasField("python_param")) == ("Proposal", False)
    assert layer.proposal_param.feat_stride == (stride if "feat_stride" in words else 0)
    assert (list(layer.proposal_param.scale), list(layer.proposal_param.ratio)) == (scales, ratios)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("__import__('os').system('true')", "param_str, line 1: expected ':'"),
        ("'scales': !!python/object/apply:os.system ['true']", "the tag '!!python/object/apply:os.system' is not read"),
        (r"'feat_stride': 16\n'scales': [1e, 2]", r"'scales' is \('1e', 2\)"),
        ("'scales': 8", "'scales' is 8"),
        ("'scales': []", r"'scales' is \(\)"),
        ("'scales': [-8]", r"'scales' is \(-8,\)"),
        ("'scales': [[8]]", r"'scales' is \(\(8,\),\)"),
        ("'feat_stride': 7.5", "'feat_stride' is 7.5"),
        ("'feat_stride': 0", "'feat_stride' is 0"),
        ("'feat_stride': 1.0e+999", "'feat_stride' is inf"),
        ("'feat_stride': '16'", "'feat_stride' is '16'"),
        (r"'feat_stride': 16\n'base_size': 8", "'base_size' is 8, of which nothing is known. Known: 'feat_stride'"),
    ],
)
def test_what_a_proposal_layer_states_is_never_passed_over(words, found):
    with pytest.raises(UnsupportedError, match=rf"layer 'x' \(Python\).*{found}"):
        plain(f'type: "Python" python_param {{ layer: "ProposalLayer" param_str: "{words}" }}')


def test_other_python_is_not_run():
    net = prototxt.parse('layer { name: "x" type: "Python" python_param { module: "m" layer: "L" } }')
    plain_caffe(net)
    assert net.layer[0].type == "Python"
    with pytest.raises(UnsupportedError, match=r"layer 'x' \(Python\): a Python layer \(m.L\).*ProposalLayer"):
        refuse_python(net)


def test_known_python_is_not_refused():
    net = prototxt.parse('layer { name: "x" type: "Python" python_param { layer: "ProposalLayer" } }')
    plain_caffe(net)
    refuse_python(net)


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


def test_a_pyramid_with_named_bins():
    text = "spatial_pyramid_pooling_param { pool: AVE spatial_bin: 1 spatial_bin: 3 scale: 1 }"
    net = upgrade(prototxt.parse(f'layers {{ name: "x" type: SPATIAL_PYRAMID_POOLING {text} }}'))
    plain_caffe(net)
    assert layer_params(net.layer[0]) == LAYERS["SPP"](pool="AVE", spatial_bin=(1, 3))
