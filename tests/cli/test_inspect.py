"""xdn-inspect: the table of a net, as text and as JSON."""

import json

import pytest

from tests.cli.caffe_files import PROTOTXT, write_small
from xdn import settings
from xdn.cli.inspect import main
from xdn.runtime import machine


def test_resnet50_of_caffe(material, capsys):
    """3.86 GMACs and 25.6 M parameters, as its authors state (3.8 billion multiply-adds, without the shortcuts)."""
    path = material("zoo", "KaimingHe__deep-residual-networks", "prototxt__ResNet-50-deploy.prototxt")
    assert main([str(path)]) == 0
    total = capsys.readouterr().out.splitlines()[-2].split("  ")
    assert "25.6 M" in [cell.strip() for cell in total]
    assert "3.86 G" in [cell.strip() for cell in total]


def test_json(tmp_path, capsys):
    path = tmp_path / "small.prototxt"
    path.write_text(PROTOTXT)
    assert main([str(path), "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["name"] == "small"
    assert document["outputs"] == ["prob"]
    rows = {row["name"]: row for row in document["layers"]}
    assert rows["conv2"]["shapes"] == [[1, 8, 12, 12]]
    assert rows["conv2"]["cost"]["parameters"] == 8 * 4 * 9 + 8
    assert document["total"]["macs"] == sum(row["cost"]["macs"] for row in document["layers"])


def test_weights_are_read_where_they_are_named(tmp_path, capsys):
    _, path = write_small(tmp_path)
    other = tmp_path / "other.prototxt"
    other.write_text(PROTOTXT.replace("num_output: 10", "num_output: 11"))
    assert main([str(path), "--weights", str(tmp_path / "small.caffemodel")]) == 0
    assert main([str(other), "--weights", str(tmp_path / "small.caffemodel")]) == 1
    assert "'fc'" in capsys.readouterr().err


def test_a_net_in_another_programs_format(tmp_path, capsys):
    path = tmp_path / "small.tflite"
    path.write_bytes(b"\x08\x07")
    assert main([str(path)]) == 1
    message = capsys.readouterr().err
    assert "small.tflite: the suffix .tflite is that of TensorFlow Lite, whose nets are not read" in message
    assert ".prototxt" in message


STRANGE = PROTOTXT.replace('type: "Eltwise"', 'type: "Warped"')


def test_unknown_layer_types(tmp_path, capsys):
    path = tmp_path / "strange.prototxt"
    path.write_text(STRANGE)
    assert main([str(path)]) == 0
    out = capsys.readouterr().out
    assert "Warped (unknown)" in out
    assert "1 layer of 1 type that XDN lacks: Warped (1)" in out
    assert main([str(path), "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in document["layers"]}
    assert (rows["conv2"]["shapes"], rows["conv2"]["known"]) == ([[1, 8, 12, 12]], True)
    assert (rows["sum"]["shapes"], rows["sum"]["cost"], rows["sum"]["known"]) == ([None], None, False)
    assert (rows["fc"]["shapes"], rows["fc"]["cost"], rows["fc"]["known"]) == ([None], None, True)
    assert document["unknown_types"] == {"Warped": 1}


def test_weights_are_checked_against_every_layer(tmp_path, capsys):
    path = tmp_path / "strange.prototxt"
    path.write_text(STRANGE)
    assert main([str(path), "--random-weights"]) == 1
    assert "layer 'sum': XDN lacks the types of 1 of the net's" in capsys.readouterr().err.replace("\n", " ")


def test_list_prints_every_registry(capsys):
    assert main(["--list"]) == 0
    out = capsys.readouterr().out
    for name in ("Convolution", "fuse-batch-norm", "cifar10"):
        assert name in out
    assert main(["--list", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["layer type"]["Split"].startswith("Split")


def test_an_error_says_file_line_and_column(tmp_path, capsys):
    path = tmp_path / "bad.prototxt"
    path.write_text('layer { name: "x" typo: "Input" }')
    assert main([str(path)]) == 1
    assert "bad.prototxt:1:19" in capsys.readouterr().err


def test_usage():
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2


def test_help_offers_only_what_has_an_effect(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert caught.value.code == 0
    assert "--weights FILE default: none" in out
    assert "--input-shape" in out
    assert not {"--scale", "--std", "--mean-file", "--crop", "--channel-order"} & set(out.replace("[", " ").split())


def test_layers_that_join_images_are_told_of_once(tmp_path, capsys):
    path = tmp_path / "joined.prototxt"
    stats = "batch_norm_param { use_global_stats: false }"
    path.write_text(
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 } } }\n'
        f'layer {{ name: "bn1" type: "BatchNorm" bottom: "x" top: "x" {stats} }}\n'
        'layer { name: "kept" type: "BatchNorm" bottom: "x" top: "x" }\n'
        f'layer {{ name: "bn2" type: "BatchNorm" bottom: "x" top: "x" {stats} }}\n'
    )
    for options in ([], ["--random-weights"]):
        assert main([str(path), *options, "--json", str(tmp_path / "found.json")]) == 0
        err = capsys.readouterr().err
        assert err.count("warning:") == 1
        assert err.rstrip().endswith(": bn1, bn2")
        assert json.loads((tmp_path / "found.json").read_text())["joining"] == ["bn1", "bn2"]


def test_the_machine_is_printed_measured_once_and_anew(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("XDN_CACHE", str(tmp_path))
    for name in ("_ROUNDS", "_MEMORY_ROUNDS"):
        monkeypatch.setattr(machine, name, 1)
    monkeypatch.setattr(settings, "BANDWIDTH_BYTES", 4 << 20)
    machine.this_machine.cache_clear()
    found = []
    for options in ([], [], ["--again"]):
        assert main(["--machine", *options, "--json", "-"]) == 0
        found.append(json.loads(capsys.readouterr().out))
        found[-1].pop("written")
    machine.this_machine.cache_clear()
    # The arguments differ, too.
    assert found[0] == found[1]
    assert found[0]["macs"] != found[2]["macs"]
    assert found[0]["macs"]["f32"]["one"] > 0
    assert main(["--machine"]) == 0
    assert "multiply-adds/s" in capsys.readouterr().out
    machine.this_machine.cache_clear()


def test_a_layer_plugin(tmp_path, capsys):
    path, plugin = tmp_path / "strange.prototxt", tmp_path / "broken.py"
    path.write_text(STRANGE)
    plugin.write_text("raise RuntimeError('no')")
    assert main([str(path), "--layer-plugin", str(plugin)]) == 1
    assert "broken.py: it fails: RuntimeError: no" in capsys.readouterr().err.replace("\n", " ")
