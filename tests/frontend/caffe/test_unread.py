"""Parameters of one layer type in a layer of another: told for Caffe's own types, refused for those of forks."""

import pytest

from xdn.errors import UnsupportedError
from xdn.frontend import load
from xdn.frontend.caffe.text import prototxt
from xdn.frontend.caffe.unread import check_unread

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
