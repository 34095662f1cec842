"""Which files beside a net tell of a transform that it lacks."""

import numpy as np
import pytest

from xdn import api, settings
from xdn.frontend import load, suggested_transform, write_mean

INPUT = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }'
DATA = 'layer {{ name: "data" type: "Data" top: "data" top: "label" include {{ phase: {} }} transform_param {{ {} }} }}'
BODY = """
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 2 kernel_size: 3 } }
layer { name: "fc" type: "InnerProduct" bottom: "conv1" top: "fc" inner_product_param { num_output: 2 } }
"""
V1 = """
layers { name: "data" type: DATA top: "data" top: "label" transform_param { scale: 0.5 crop_size: 8 } }
layers { name: "conv1" type: CONVOLUTION bottom: "data" top: "conv1"
        convolution_param { num_output: 2 kernel_size: 3 } }
"""


def suggested(folder, deploy=INPUT + BODY):
    (folder / "deploy.prototxt").write_text(deploy)
    return suggested_transform(load(folder / "deploy.prototxt"), folder / "deploy.prototxt")


@pytest.mark.parametrize(
    ("said", "options"),
    [
        ("mean_value: 104 mean_value: 117 mean_value: 123.5", "--mean-value 104,117,123.5"),
        ("scale: 0.00390625 mean_value: 128", "--mean-value 128 --scale 0.00390625"),
        ('mean_file: "data/ilsvrc12/mean.binaryproto"', "--mean-file data/ilsvrc12/mean.binaryproto"),
        ("crop_size: 8", None),
        ("mirror: true", None),
        ("scale: 1", None),
    ],
)
def test_the_training_net_beside_tells(tmp_path, said, options):
    training = DATA.format("TRAIN", "scale: 7") + DATA.format("TEST", said)
    (tmp_path / "train_val.prototxt").write_text(training + BODY)
    found = suggested(tmp_path)
    assert (found and found.options) == options
    if options:
        assert found.file == tmp_path / "train_val.prototxt"


def test_a_training_net_in_the_old_format_tells(tmp_path):
    (tmp_path / "train_test.prototxt").write_text(V1)
    assert suggested(tmp_path).options == "--scale 0.5"


def test_the_oldest_format_tells(tmp_path):
    """Its data layers have the fields themselves."""
    layer = 'layers { layer { name: "data" type: "data" scale: 0.25 cropsize: 8 } top: "data" top: "label" }'
    fc = 'layers { layer { name: "conv1" type: "conv" num_output: 2 kernelsize: 3 } bottom: "data" top: "conv1" }'
    (tmp_path / "train.prototxt").write_text(layer + fc)
    assert suggested(tmp_path).options == "--scale 0.25"


@pytest.mark.parametrize("name", ["mean.binaryproto", "imagenet_mean.binaryproto", "ilsvrc_2012_mean.npy"])
def test_a_mean_beside_tells(tmp_path, name):
    write_mean(tmp_path / name, np.ones((3, 8, 8), np.float32))
    assert suggested(tmp_path).options == f"--mean-file {tmp_path / name}"


@pytest.mark.parametrize("place", ["", "net"])
def test_the_mean_that_a_training_net_names_is_found_beside_it_or_above(tmp_path, place):
    write_mean(tmp_path / "mean.binaryproto", np.ones((3, 8, 8), np.float32))
    folder = tmp_path / place
    folder.mkdir(exist_ok=True)
    (folder / "train_val.prototxt").write_text(DATA.format("TEST", 'mean_file: "examples/mean.binaryproto"') + BODY)
    assert suggested(folder).options == f"--mean-file {tmp_path / 'mean.binaryproto'}"


def test_a_net_with_a_transform_of_its_own_needs_none(tmp_path):
    write_mean(tmp_path / "mean.binaryproto", np.ones((3, 8, 8), np.float32))
    assert suggested(tmp_path, DATA.format("TEST", "crop_size: 8 scale: 0.5") + BODY) is None
    assert suggested(tmp_path, DATA.format("TEST", "crop_size: 8") + BODY) is not None
    net = api.with_transform(load(tmp_path / "deploy.prototxt"), mean_value=(3.0,))
    assert suggested_transform(net, tmp_path / "deploy.prototxt") is None


@pytest.mark.parametrize(
    "other",
    [
        DATA.format("TEST", "scale: 0.5") + BODY.replace('"conv1"', '"a"').replace('"fc"', '"b"'),
        "no prototxt {",
        'net: "deploy.prototxt" base_lr: 0.1',
        "#" * (settings.MAX_SUGGESTING_BYTES + 1) + "\n" + V1,
    ],
    ids=["another net", "rubbish", "a solver", "too large"],
)
def test_files_of_another_kind_tell_nothing(tmp_path, other):
    (tmp_path / "other.prototxt").write_text(other)
    assert suggested(tmp_path) is None
