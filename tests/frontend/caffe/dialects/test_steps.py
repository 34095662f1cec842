"""Layers in the place of a layer."""

from xdn.frontend.caffe.dialects.steps import Steps, replaced
from xdn.frontend.caffe.text import prototxt

TEXT = """layer { name: "a" type: "ReLU" bottom: "x" top: "a" }
    layer { name: "b" type: "Swap" bottom: "a" top: "b_half" }
    layer { name: "c" type: "ReLU" bottom: "b_half" top: "c" }"""


def _halves(layer, taken):
    steps = Steps(layer.name, taken)
    layer.bottom[0] = steps.add("half", "Power", *layer.bottom).name
    return [*steps.made, layer]


def test_new_layers_stand_where_the_layer_stood_and_take_no_name():
    net = prototxt.parse(TEXT)
    replaced(net, lambda layer: layer.type == "Swap", _halves)
    assert [(each.name, each.type, list(each.bottom), list(each.top)) for each in net.layer[1:3]] == [
        ("b_half_", "Power", ["a"], ["b_half_"]),
        ("b", "Swap", ["b_half_"], ["b_half"]),
    ]
    assert [each.name for each in net.layer] == ["a", "b_half_", "b", "c"]


def test_where_none_is_concerned_nothing_changes():
    net = prototxt.parse(TEXT)
    replaced(net, lambda layer: False, _halves)
    assert net == prototxt.parse(TEXT)
