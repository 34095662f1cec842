"""Data layers become inputs: what tells their shapes, beside the layers themselves."""

import pytest

from tests.frontend.caffe.test_deploy import DATA, deploy, ip, names
from xdn.errors import NetError


@pytest.mark.parametrize(
    ("cut", "channels"),
    [
        ("slice_param { slice_dim: 1 slice_point: 3 }", 6),
        ("slice_param { axis: 1 slice_point: 3 slice_point: 6 }", 9),
        ("slice_param { slice_point: 1 }", 3),
        ("slice_param { axis: 2 slice_point: 3 }", 3),
        ("", 6),
    ],
)
def test_images_that_are_cut_apart_have_channels_for_all(cut, channels):
    parts = 'top: "p1" top: "p2"' + (' top: "p3"' if cut.count("slice_point") == 2 else "")
    text = DATA % "" + f'layer {{ name: "s" type: "Slice" bottom: "data" {parts} {cut} }}' + ip("a", "p1")
    layers = deploy(text)
    assert list(layers[0].input_param.shape[0].dim) == [1, channels, 8, 8]


def test_pairs_of_mnist():
    source = (
        'layer { name: "d" type: "Data" top: "pair" top: "sim" data_param { source: "mnist_siamese_train_leveldb" } }'
    )
    cut = (
        'layer { name: "s" type: "Slice" bottom: "pair" top: "a" top: "b" slice_param { slice_dim: 1 slice_point: 1 } }'
    )
    contrast = 'layer { name: "l" type: "ContrastiveLoss" bottom: "a" bottom: "b" bottom: "sim" top: "l" }'
    layers = deploy(source + cut + contrast)
    assert names(layers) == ["d", "s"]
    assert list(layers[0].input_param.shape[0].dim) == [1, 2, 28, 28]


def test_what_a_data_layer_declares_is_not_changed():
    memory = 'layer { name: "d" type: "MemoryData" top: "data" memory_data_param { channels: 3 height: 4 width: 4 } }'
    cut = 'layer { name: "s" type: "Slice" bottom: "data" top: "a" top: "b" }'
    assert list(deploy(memory + cut + ip("c", "a"))[0].input_param.shape[0].dim) == [1, 3, 4, 4]


def test_of_several_inputs_those_that_lack_a_shape_are_named():
    text = (
        'layer { name: "d" type: "HDF5Data" top: "x" top: "y" top: "z" }' + ip("a", "x") + ip("b", "y") + ip("c", "z")
    )
    with pytest.raises(NetError, match="2 inputs of unknown shapes: y, z"):
        deploy(text, input_shape={"x": (3,)})
