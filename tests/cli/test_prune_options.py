"""xdn-optimize --prune: what is written is smaller, plain Caffe; options, files, errors."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.caffe_files import noise, opencv_outputs, write_small
from tests.pytorch import needs_torch
from xdn.cli.optimize import main
from xdn.frontend import load
from xdn.graph.cost import net_cost


def written(folder="small.xdn"):
    return load(Path(folder, "small.prototxt"), Path(folder, "small.caffemodel"))


def test_pruned_files_are_plain_caffe(small, capsys):
    net, path = small
    assert main([str(path), "--prune", "0.5", "--json", "report.json"]) == 0
    said = capsys.readouterr().out
    assert "l2, uniform, filters=0.5" in said
    pruned = written()
    assert net_cost(pruned).macs < net_cost(net).macs
    images = {"data": noise(2, 3, 12, 12)}
    expected = pruned.with_batch(2).forward(images)["prob"]
    found = opencv_outputs("small.xdn/small.prototxt", "small.xdn/small.caffemodel", images, ["prob"])["prob"]
    # f32 rounding of probabilities, which are at most 1.
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=0, atol=2e-6)
    report = json.loads(Path("report.json").read_text())["pruning"]
    assert report["after"]["macs"] == net_cost(pruned).macs
    assert report["config"]["budget"] == "filters=0.5"


def test_without_stages_layers_stay_layers(small):
    net, path = small
    assert main([str(path), "--prune", "macs=0.7", "--stages", "", "--quiet"]) == 0
    assert [layer.name for layer in written().layers] == [layer.name for layer in net.layers]


def test_a_dumped_configuration_prunes_alike(small):
    _, path = small
    options = ["--criterion", "random", "--seed", "3", "--least", "0.25", "--steps", "2"]
    assert main([str(path), "--prune", "macs=0.6", *options, "--dump-config", "c.prototxt", "-o", "a", "--quiet"]) == 0
    assert main([str(path), "--prune", "c.prototxt", "-o", "b", "--quiet"]) == 0
    assert Path("a/small.caffemodel").read_bytes() == Path("b/small.caffemodel").read_bytes()
    text = Path("c.prototxt").read_text()
    assert 'criterion: "random"' in text
    assert "seed: 3" in text


def test_groups_of_a_file_are_followed(small):
    net, path = small
    Path("c.prototxt").write_text('budget: "filters=1" group { layer: "conv*" ratio: 0.5 }')
    assert main([str(path), "--prune", "c.prototxt", "--quiet"]) == 0
    assert written().layer("conv1").params.num_output == net.layer("conv1").params.num_output // 2


@needs_torch
def test_with_data_it_looks_at_activations_and_recalibrates(small, capsys):
    _, path = small
    data = ["--data", "glyphs10", "--input-shape", "3,32,32", "--images", "8", "--recalibrate", "40"]
    assert main([str(path), "--prune", "macs=0.6", *data]) == 0
    assert "activation, per-mac, macs=0.6" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--prune", "half"], "not a pruning budget"),
        (["--prune", "macs=0"], "leaves 0 of the net"),
        (["--prune", "macs=1e-9"], "at its narrowest"),
        (["--prune", "0.3", "--criterion", "l3"], "unknown pruning criterion 'l3'"),
        (["--prune", "0.3", "--criterion", "activation"], "calibration images"),
        (["--prune", "0.3", "--schedule", "globl"], "global"),
        (["--prune", "missing.prototxt"], "missing.prototxt"),
        (["--recalibrate", "10"], "Name the data with --data"),
    ],
)
def test_errors_are_one_message(small, capsys, options, words):
    _, path = small
    assert main([str(path), *options, "--quiet"]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert not Path("small.xdn").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('criterion: "l1"', "no budget"),
        ('budget: "0.3" group { ratio: 0.5 }', "names no layer"),
        ('budget: "0.3" group { layer: "nowhere" }', "no layer that can be pruned is called 'nowhere'"),
        ('budget: "0.3" group { layer: "conv1" ratio: 1 }', "is not in [0, 1)"),
        ('budget: "0.3" least: 2', "least is 2"),
    ],
)
def test_errors_of_a_file(small, capsys, text, words):
    _, path = small
    Path("c.prototxt").write_text(text)
    assert main([str(path), "--prune", "c.prototxt", "--quiet"]) == 1
    assert words in capsys.readouterr().err


def test_list_names_criteria_and_schedules(capsys):
    assert main(["--list"]) == 0
    said = capsys.readouterr().out
    for name in ("fuse-batch-norm", "geometric-median", "latency"):
        assert name in said


#: Sixteen filters, of which a layer after them decides what becomes.
AFTER_SIXTEEN = """
layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 1 dim: 3 dim: 8 dim: 8 }} }} }}
layer {{ name: "c1" type: "Convolution" bottom: "data" top: "c1"
        convolution_param {{ num_output: 16 kernel_size: 3 }} }}
{between}
layer {{ name: "c2" type: "Convolution" bottom: "x" top: "c2" convolution_param {{ num_output: 4 kernel_size: 1 }} }}
"""


@pytest.mark.parametrize(
    ("between", "left"),
    [
        (
            'layer { name: "cut" type: "Slice" bottom: "c1" top: "a" top: "b" } layer { name: "max" type: "Eltwise" '
            'bottom: "a" bottom: "b" top: "x" eltwise_param { operation: MAX } }',
            8,
        ),
        ('layer { name: "s" type: "ShuffleChannel" bottom: "c1" top: "x" shuffle_channel_param { group: 4 } }', 8),
        (
            'layer { name: "up" type: "Deconvolution" bottom: "c1" top: "x" convolution_param { num_output: 16 '
            'kernel_size: 4 stride: 2 pad: 1 group: 16 bias_term: false weight_filler { type: "bilinear" } } }',
            8,
        ),
        ('layer { name: "p" type: "Permute" bottom: "c1" top: "x" permute_param { order: 0 order: 1 order: 3 } }', 8),
    ],
    ids=["max-feature-map", "shuffled", "bilinear", "permuted"],
)
def test_channels_are_followed_through_what_moves_them(tmp_path, monkeypatch, between, left):
    monkeypatch.chdir(tmp_path)
    _, path = write_small(tmp_path / "net", AFTER_SIXTEEN.format(between=between))
    assert main([str(path), "--prune", "0.5", "--quiet"]) == 0
    assert written().layer("c1").params.num_output == left


def test_where_nothing_can_go_message_and_json_say_why(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    norm = 'layer { name: "norm" type: "LRN" bottom: "c1" top: "x" }'
    _, path = write_small(tmp_path / "net", AFTER_SIXTEEN.format(between=norm))
    assert main([str(path), "--prune", "0.5", "--json", "report.json"]) == 1
    assert "all 16 filters of 'c1' (Convolution) stay: 'norm' (LRN) sums over" in capsys.readouterr().err
    assert not Path("small.xdn").exists()
    report = json.loads(Path("report.json").read_text())["pruning"]
    assert [each["layer"] for each in report["locked"]] == ["c1", "c2"]
    assert report["locked"][0]["by"] == [{"layer": "norm", "type": "LRN", "why": "sums over neighbouring channels"}]
    assert "no filter of the net can be removed" in report["error"]


def test_locked_layers_are_reported_where_others_are_thinned(small, capsys):
    _, path = small
    assert main([str(path), "--prune", "0.5", "--json", "report.json"]) == 0
    assert "fc (InnerProduct)" in capsys.readouterr().out
    assert [each["layer"] for each in json.loads(Path("report.json").read_text())["pruning"]["locked"]] == ["fc"]


def test_the_case_of_a_net_that_was_left_whole(material, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = material("cases", "46_prune_nothing", "net.prototxt")
    assert main([str(path), "--random-weights", "--prune", "0.5", "-o", "out", "--quiet"]) == 0
    assert load(Path("out/net.prototxt"), Path("out/net.caffemodel")).layer("c1").params.num_output == 8
