"""Files that are not networks are said to be what they are."""

import pytest

from xdn.errors import ParseError
from xdn.frontend.caffe.text import prototxt
from xdn.frontend.caffe.text.diagnosis import diagnose

LAYER = 'layer { name: "a" type: "ReLU" bottom: "x" top: "y" }\n'


@pytest.mark.parametrize(
    ("text", "seems"),
    [
        ('net: "train.prototxt"\nbase_lr: 0.1\nmax_iter: 10\n', "a solver.*the net is 'train.prototxt'"),
        ("net: 'a' base_lr: 1 max_iter: 3 layer_wise_momentum: 3", "a solver.*the net is 'a': give that"),
        ("net_param { name: 'n' } base_lr: 1 max_iter: 3", "a solver.*the net stands in it, as net_param"),
        ("train_net: 'a' lr_policy: 'step' gamma: 0.1", "a solver.*the net is 'a'"),
        (f"{LAYER}<<<<<<< HEAD\n{LAYER}=======\n{LAYER}>>>>>>> other\n", "line 2 is a mark of a merge"),
        ("layer { convolution_param { num_output: {{ filters }} } }", "placeholder.*template"),
        ("layer { name: ${name} }", r"placeholder \(\$\{name\).*template"),
        ('{"layers": []}', "JSON"),
        ("<?xml version='1.0'?><a/>", "XML"),
        ("item {\n  name: 'none_of_the_above'\n  label: 0\n}\n", "label map"),
    ],
)
def test_what_it_seems_to_be(text, seems):
    with pytest.raises(ParseError, match=seems):
        prototxt.parse(text)


@pytest.mark.parametrize("text", ["", LAYER, "layer { nam: 1 }", "name: 'x'"])
def test_nothing_tells(text):
    assert diagnose(text) is None


def test_the_first_error_keeps_its_place():
    with pytest.raises(ParseError, match=r"^prototxt:2:1: .*expected: line 2 is a mark of a merge"):
        prototxt.parse(f"{LAYER}<<<<<<< HEAD\n{LAYER}")


def test_blank_lines_cost_little():
    assert diagnose("!" + "\n" * 300_000) is None
    assert diagnose("!\n\t  item {") == "this is a label map, the names of a data set's classes"
