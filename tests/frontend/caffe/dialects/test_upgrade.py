"""Upgrade of older formats, against the vectors of Caffe's own unit tests."""

import json

import pytest

from xdn.errors import NetError
from xdn.frontend.caffe.dialects.upgrade import upgrade
from xdn.frontend.caffe.text import prototxt, schema


@pytest.fixture(scope="module")
def vectors(material):
    return json.loads(material("layers", "proto_vectors.json").read_text())["Upgrade"]


def test_v1_nets_of_caffes_tests_become_the_expected_ones(vectors):
    cases = [case["strings"] for case in vectors.values() if "expected_v2_proto" in case["strings"]]
    assert len(cases) == 2
    for case in cases:
        assert upgrade(prototxt.parse(case["expected_v1_proto"])) == prototxt.parse(case["expected_v2_proto"])


def test_v1_of_all_parameters_keeps_every_field(vectors):
    old = prototxt.parse(vectors["NetUpgradeTest.TestAllParams"]["strings"]["expected_output_proto"])
    new = upgrade(old)
    assert [layer.name for layer in new.layer] == ["input", *(layer.name for layer in old.layers)]
    assert list(new.layer[0].input_param.shape[0].dim) == [64, 3, 32, 32]
    for before, after in zip(old.layers, new.layer[1:], strict=True):
        params = {field.name: value for field, value in before.ListFields() if field.name.endswith("_param")}
        assert params == {f.name: value for f, value in after.ListFields() if f.name.endswith("_param")}


@pytest.mark.parametrize(
    ("spelled", "kind"),
    [
        ("UNPOOLING", "Unpooling"),
        ("ROI_POOLING", "ROIPooling"),
        ("PRELU", "PReLU"),
        ("INTERP", "Interp"),
        ("BN", "BN"),
        ("PADDING", "Padding"),
        ("L2_NORM", "L2Norm"),
        ("LSTM", "Lstm"),
        ("STRANGE", "STRANGE"),
    ],
)
def test_types_of_forks_are_spelled_as_v1_spells_its_own(spelled, kind):
    assert upgrade(prototxt.parse(f"layers {{ type: {spelled} }}")).layer[0].type == kind


def test_parameters_tell_which_lstm_is_meant():
    made = upgrade(prototxt.parse("layers { type: LSTM recurrent_param { num_output: 3 } }")).layer[0]
    assert (made.type, made.recurrent_param.num_output) == ("LSTM", 3)


def test_v1_layers_have_the_parameters_of_forks():
    text = "layers { type: UNPOOLING unpooling_param { unpool: MAX kernel_size: 2 stride: 2 unpool_size: 14 } }"
    assert upgrade(prototxt.parse(text)).layer[0].unpooling_param.unpool_size == 14


@pytest.mark.parametrize("v1_name", [name for name, (_, new) in schema.v1_types().items() if new])
def test_every_v1_type_gets_its_current_name(v1_name):
    new = upgrade(prototxt.parse(f'layers {{ name: "x" type: {v1_name} }}'))
    assert new.layer[0].type == schema.v1_types()[v1_name][1]


def test_lists_of_parameters_become_specs():
    old = 'layers { param: "w" param: "" blob_share_mode: PERMISSIVE blobs_lr: 3 blobs_lr: 4 weight_decay: 5 }'
    specs = upgrade(prototxt.parse(old)).layer[0].param
    assert [(s.name, s.share_mode, s.lr_mult, s.decay_mult) for s in specs] == [("w", 1, 3, 5), ("", 0, 4, 0)]


def test_inputs_with_shapes():
    net = upgrade(prototxt.parse('input: "a" input: "b" input_shape { dim: 2 } input_shape { dim: 3 dim: 4 }'))
    assert [list(shape.dim) for shape in net.layer[0].input_param.shape] == [[2], [3, 4]]
    assert list(net.layer[0].top) == ["a", "b"]
    assert not net.input


def test_old_transform_of_a_data_layer_moves():
    old = 'layer { type: "Data" data_param { source: "s" scale: 0.5 mean_file: "m" crop_size: 8 mirror: true } }'
    layer = upgrade(prototxt.parse(old)).layer[0]
    assert (layer.transform_param.scale, layer.transform_param.mean_file) == (0.5, "m")
    assert (layer.transform_param.crop_size, layer.transform_param.mirror) == (8, True)
    assert [field.name for field, _ in layer.data_param.ListFields()] == ["source"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('layer { name: "a" } layers { name: "b" }', "both"),
        ('input: "a" input_dim: 1 input_dim: 2', "expected 4"),
        ("input_dim: 1", "no `input`"),
    ],
)
def test_contradictions(text, word):
    with pytest.raises(NetError, match=word):
        upgrade(prototxt.parse(text))


def test_the_given_message_is_left_alone():
    net = prototxt.parse('input: "a" input_dim: 1 input_dim: 1 input_dim: 1 input_dim: 1 layers { name: "b" }')
    before = prototxt.write(net)
    upgrade(net)
    assert prototxt.write(net) == before


def test_an_input_without_a_shape_is_dropped_where_a_layer_gives_it():
    data = 'layer { name: "d" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }'
    assert [layer.name for layer in upgrade(prototxt.parse(f'input: "data" {data}')).layer] == ["d"]
    made = upgrade(prototxt.parse(f'input: "data" input: "more" {data}'))
    assert [(layer.name, list(layer.top)) for layer in made.layer] == [("input", ["more"]), ("d", ["data"])]
