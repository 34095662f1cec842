"""Unknown fields: passed over with a warning where they cannot matter, else an error with its place."""

import logging

import pytest

from xdn.errors import ParseError, UnsupportedError
from xdn.frontend import load
from xdn.frontend.caffe.text import prototxt
from xdn.frontend.caffe.text.tolerance import check_unread

TRAINING, HOW = "as only training needs it", "as it says how to compute, not what"
READER, UNKNOWN = "as layers of this type do not read it", "whose meaning is unknown: in its fork of Caffe results may"
PASSED_OVER = [
    ("default_forward_type: FLOAT16", HOW),
    ("precise: true", UNKNOWN),
    ('layer { type: "Convolution" convolution_param { weight_filler { type: "x" gain: 3 } } }', TRAINING),
    ('layer { type: "Convolution" param { lr_mult: 1 local_lr: 3 } }', TRAINING),
    ('layer { type: "Convolution" loss_param { sharper: 3 } }', TRAINING),
    ('layer { type: "Convolution" convolution_param { engine: MKL2017 } }', HOW),
    ('layer { type: "Convolution" forward_type: FLOAT16 }', HOW),
    ('layer { type: "PriorBox" engine: "MKLDNN" }', HOW),
    ('layer { type: "Convolution" convolution_param { conv_algos_override: "1,-1,-1" } }', HOW),
    ('layer { type: "Convolution" convolution_param { cudnn_convolution_algo_seeker: FINDEX } }', HOW),
    ('layer { type: "Permute" permute_param { engine: MLU } }', HOW),
    ('layer { type: "Convolution" convolution_param { conv_mode: LOWERED_CSRMM } }', HOW),
    ("net_quantization_param { bits: 8 }", UNKNOWN),
    ('layer { type: "ReLU" quantization_param { bits: 8 } }', UNKNOWN),
    ('layer { type: "ReLU" softmax_param { sharper: 3 } }', READER),
    ('layer { type: "Input" transform_param { gamma: 2 } }', "whose meaning is unknown: the images may have to be"),
    (
        'layer { type: "Data" top: "x" transform_param { gamma: 2 } }',
        "whose meaning is unknown: the images may have to",
    ),
]
OF_A_TYPE_THAT_DOES_NOT_RUN = [
    ('layer { name: "d" type: "Data" top: "d" data_param { cudnn_prefetch: 3 } }', "Data"),
    ('layer { type: "CenterLoss" center_loss_param { num_output: 3 } }', "CenterLoss"),
    ('layer { type: "DeephiTiling" deephi_tiling_param { new_height: 512 } }', "DeephiTiling"),
    ("layers { type: VIDEO_DATA image_data_param { length: 16 } }", "VIDEO_DATA"),
    ("layers { type: MCWINDOW_DATA mcwindow_data_param { x: 1 } }", "MCWINDOW_DATA"),
    ("layers { layer { name: 'd' type: 'data' subtraction: 3 } }", "Data"),
]
MATTERS = [
    ('layer { type: "Convolution" convolution_param { kernel_sise: 3 } }', "no field 'kernel_sise'.*kernel_size"),
    ('layer { type: "Convolution" convolution_param { deformable_group: 3 } }', "no field 'deformable_group'"),
    ('layer { type: "Convolution" convolution_parm { } }', "no field 'convolution_parm'.*convolution_param"),
    ('layer { type: "Convolution" botom: "x" }', "no field 'botom'.*bottom"),
    ('layer { type: "Convolution" stride: 2 }', "no field 'stride'"),
    ('layer { type: "Pooling" pooling_param { pool: AVG } }', "no value 'AVG'.*AVE"),
    ('layr { name: "a" }', "no field 'layr'.*layer"),
    ('layer_param { name: "a" }', "no field 'layer_param'.*layer"),
    ('block { name: "a" }', "no field 'block'"),
    ('layer { include { phase: TEST stages: "a" } type: "ReLU" }', "no field 'stages'.*stage"),
    ("layers { layer { name: 'c' type: 'conv' kernelsise: 3 } }", "no field 'kernelsise'.*kernelsize"),
    ("layer { nam: 1 }", "no field 'nam'.*name"),
    ("state { phas: TEST }", "no field 'phas'"),
    ('layer { type: "Normalize" sharper_param { } }', "no field 'sharper_param'"),
    ('layer { type: "Normalize" softmax_param { sharper: 3 } }', "no field 'sharper'"),
    ('layer { type: "PriorBox" corners: true }', "no field 'corners'"),
]


@pytest.mark.parametrize(("text", "reason"), PASSED_OVER)
def test_passed_over_with_a_warning_that_says_why(text, reason, caplog):
    with caplog.at_level(logging.WARNING):
        prototxt.parse(text, "net.prototxt")
    assert "net.prototxt:1:" in caplog.text
    assert f"passed over, {reason}" in caplog.text


@pytest.mark.parametrize(("text", "type_name"), OF_A_TYPE_THAT_DOES_NOT_RUN)
def test_the_warning_names_a_type_that_does_not_run(text, type_name, caplog):
    prototxt.parse(text, "net.prototxt")
    assert "net.prototxt:1:" in caplog.text
    assert f"passed over, as layers of type '{type_name}' do not run" in caplog.text


@pytest.mark.parametrize(("text", "message"), MATTERS)
def test_what_may_matter_is_an_error(text, message):
    with pytest.raises(ParseError, match=message) as caught:
        prototxt.parse(text, "net.prototxt")
    assert caught.value.where.startswith("net.prototxt:1:")


def test_a_kind_is_told_once_and_many_are_counted(caplog):
    prototxt.parse("".join(f'layer {{ type: "ReLU" extra_{number % 10}a: 1 }}\n' for number in range(40)))
    assert len(caplog.records) == 9
    assert "and 2 more of this kind" in caplog.records[-1].getMessage()


def test_an_unknown_v1_type_is_kept():
    assert prototxt.parse("layers { type: CONVOLUTION3D }").layers[0].xdn_type == "CONVOLUTION3D"


def test_other_messages_tolerate_nothing():
    with pytest.raises(ParseError, match=r"SolverParameter has no field 'base_rl'.*base_lr"):
        prototxt.parse("base_rl: 0.1", message="SolverParameter")


def test_kinds_are_bounded_and_those_of_one_kind_cost_little(monkeypatch, caplog):
    prototxt.parse('layer { type: "ReLU" ' + "quantization_param { } " * 16_000 + "}")
    assert len(caplog.records) == 1
    monkeypatch.setattr("xdn.settings.MAX_UNKNOWN_KINDS", 2)
    with pytest.raises(ParseError, match="more than 2 kinds of unknown fields"):
        prototxt.parse('layer { type: "ReLU" first_zzz: 1 other_qqq: 1 first_zzz: 1 third_www: 1 }')


def test_names_of_any_length_are_compared(caplog):
    """difflib takes a second for each known field where its bounds are not asked first."""
    prototxt.parse("".join(f"{letter * 60_000}: 1 " for letter in "qzw"))
    assert len(caplog.records) == 3


INPUT = 'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }\n'


def checked(*layers):
    check_unread(prototxt.parse("".join(f'layer {{ name: "x" {layer} }}' for layer in layers)))


def test_a_layer_of_caffes_own_is_told_once(caplog):
    checked(*['type: "ReLU" pooling_param { stride: 2 }'] * 3)
    assert caplog.messages == [
        "layer 'x' (ReLU): pooling_param is passed over: layers of this type do not read it",
    ]


def test_a_layer_of_a_fork_is_refused():
    with pytest.raises(UnsupportedError, match=r"layer 'x' \(Normalize\): softmax_param stands .*reads norm_param"):
        checked('type: "Normalize" softmax_param { axis: 2 }')
    with pytest.raises(UnsupportedError, match=r"layer 'x' \(ReLU6\): relu_param stands .*reads no parameters"):
        checked('type: "ReLU6" relu_param { negative_slope: 2 }')


@pytest.mark.parametrize(
    "layer",
    [
        'type: "Convolution" convolution_param { num_output: 3 } xdn_param { activation: "ReLU" }',
        'type: "Normalize" softmax_param { }',
        'type: "Input" transform_param { scale: 2 } data_param { source: "x" }',
        'type: "ReLU" loss_param { normalize: true }',
        'type: "Stranger" pooling_param { stride: 2 }',
    ],
)
def test_what_says_nothing_is_not_told(layer, caplog):
    checked(layer)
    assert not caplog.messages


def test_a_net_from_a_file_is_checked(tmp_path, caplog):
    path = tmp_path / "net.prototxt"
    path.write_text(INPUT + 'layer { name: "r" type: "ReLU" bottom: "data" top: "r" lrn_param { alpha: 2 } }')
    load(path)
    assert "lrn_param is passed over" in caplog.text


def test_a_loss_of_happynears_fork_becomes_what_it_contains(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(
        'layer { name: "d" type: "MemoryData" top: "data" top: "label" '
        "memory_data_param { batch_size: 1 channels: 3 height: 8 width: 8 } }"
        'layer { name: "l" type: "SoftmaxWithLoss" bottom: "data" bottom: "label" top: "l" '
        "softmax_param { normalize_type: 'L1' } }"
    )
    net = load(path)
    layer = net.layers[-1]
    assert (layer.type, layer.params.norm, layer.params.scaled) == ("Normalize", "L1", False)
