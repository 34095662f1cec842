"""The options that describe a net."""

import argparse
from dataclasses import replace

import pytest

from tests.cli.caffe_files import PROTOTXT, write_small
from xdn.cli.common import Output
from xdn.cli.net_options import add_net_options, load_net, net_summary, transformed
from xdn.errors import NetError, ParseError, UnsupportedError, WeightsError
from xdn.graph import Transform

PHASES = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "train" type: "ReLU" bottom: "data" top: "x" include { phase: TRAIN } }
layer { name: "test" type: "TanH" bottom: "data" top: "x" include { phase: TEST } }
layer { name: "deep" type: "ReLU" bottom: "x" top: "y" include { min_level: 2 } }
layer { name: "staged" type: "ReLU" bottom: "x" top: "z" include { stage: "more" } }
"""
DATA = """
layer { name: "data" type: "Data" top: "data" top: "label" transform_param { mean_file: "m.binaryproto" } }
layer { name: "relu" type: "ReLU" bottom: "data" top: "x" }
"""


def parse(*argv):
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_net_options(parser)
    return parser.parse_args([str(each) for each in argv])


def load(*argv, **options):
    return load_net(parse(*argv), Output(quiet=True), **options)


def written(folder, text):
    path = folder / "net.prototxt"
    path.write_text(text)
    return path


def test_the_only_weights_beside_the_net_are_taken(tmp_path, capsys):
    net, path = write_small(tmp_path)
    found = load_net(parse(path), Output())
    assert found.digest == net.digest
    assert f"weights: {tmp_path / 'small.caffemodel'}" in capsys.readouterr().err.replace("\n", "")


def test_weights_that_are_not_needed_are_not_looked_for(tmp_path):
    path = written(tmp_path, PROTOTXT)
    with pytest.raises(WeightsError, match="--random-weights"):
        load(path)
    assert not any(layer.weights for layer in load(path, weights_needed=False).layers)
    load(path, "--random-weights").require_weights()


@pytest.mark.parametrize(
    ("options", "layers"),
    [
        ((), ["test"]),
        (("--phase", "TRAIN"), ["train"]),
        (("--level", "2"), ["test", "deep"]),
        (("--net-stage", "more"), ["test", "staged"]),
    ],
)
def test_which_layers_take_part(tmp_path, options, layers):
    net = load(written(tmp_path, PHASES), *options, weights_needed=False)
    assert [layer.name for layer in net.layers[1:]] == layers


def test_no_such_file(tmp_path):
    with pytest.raises(ParseError, match="no such file"):
        load(tmp_path / "nothing.prototxt")


def test_the_shape_of_images_that_the_net_does_not_say(tmp_path):
    net = load(written(tmp_path, DATA), "--input-shape", "3,20,30", weights_needed=False)
    assert net.inputs["data"].shape[1:] == (3, 20, 30)


def test_shapes_of_features_and_of_several_inputs():
    assert parse("x", "--input-shape", "784").input_shape == (784,)
    options = ("--input-shape", "data=3,8,8", "--input-shape", "a=b=5")
    assert parse("x", *options).input_shape == {"data": (3, 8, 8), "a=b": (5,)}


def test_a_net_that_has_no_weights_needs_no_file(tmp_path):
    path = written(tmp_path, PHASES)
    assert [layer.name for layer in load(path).layers] == ["data", "test"]
    path = written(tmp_path, PHASES.split("\n")[1])
    with pytest.raises(NetError, match="nothing to compute"):
        load(path)


def test_options_stand_above_the_nets_own_transform(tmp_path):
    path = written(tmp_path, DATA)

    def transform(*options):
        net = load(path, "--input-shape", "3,8,8", *options, weights_needed=False)
        return net.input_layers[0].params.transform

    assert transform() == Transform(mean_file="m.binaryproto")
    assert transform("--scale", "0.5", "--crop", "8") == Transform(scale=0.5, crop_size=8, mean_file="m.binaryproto")
    assert transform("--mean-value", "1,2,3") == Transform(mean_value=(1.0, 2.0, 3.0))
    assert transform("--mean-file", "other") == Transform(mean_file="other")


def test_a_net_is_transformed_by_what_was_given(tmp_path):
    net, _ = write_small(tmp_path)
    assert transformed(parse("x"), net) is net
    changed = transformed(parse("x", "--std", "2", "--channel-order", "rgb"), net)
    before = net.input_layers[0].params.transform
    assert changed.input_layers[0].params.transform == replace(before, std=(2.0,), channel_order="rgb")


@pytest.mark.parametrize(
    "options",
    [
        ("--level", "99999999999999999999"),
        ("--level", "2147483648"),
        ("--level", "1" * 5000),
        ("--level", "deep"),
        ("--scale", "nan"),
        ("--std", "1,0,1"),
        ("--mean-value", ""),
        ("--crop", "-3"),
        ("--input-shape", "3,,224"),
        ("--input-shape", "=3,224"),
        ("--input-shape", ",".join("1" * 32)),
        ("--input-shape", "3", "--input-shape", "4"),
        ("--input-shape", "a=3", "--input-shape", "4"),
        ("--input-shape", "3", "--input-shape", "a=4"),
        ("--mean-file", "m", "--mean-value", "1"),
        ("--weights", "w", "--random-weights"),
        ("--phase", "PLAY"),
    ],
)
def test_values_that_cannot_be_used(options):
    with pytest.raises(argparse.ArgumentError):
        parse("x", *options)


def test_a_summary_reads_the_net_as_the_options_say(tmp_path):
    path = written(tmp_path, PHASES.replace('type: "TanH"', 'type: "Warped"'))

    def rows(*argv):
        found = net_summary(parse(path, *argv), Output(quiet=True))
        return [(row.name, row.known) for row in found.layers][1:], found.layers[0].shapes

    assert rows() == ([("test", False)], ((1, 3, 8, 8),))
    options = ("--phase", "TRAIN", "--level", 2, "--net-stage", "more", "--input-shape", "1,4,4")
    assert rows(*options) == ([(name, True) for name in ("train", "deep", "staged")], ((1, 1, 4, 4),))
    with pytest.raises(UnsupportedError, match="'Warped'"):
        rows("--random-weights")
