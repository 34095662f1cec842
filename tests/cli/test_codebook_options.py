"""xdn-optimize --codebooks: a small file whose layers stay, options, errors."""

import json
from pathlib import Path

import pytest

from xdn.cli.optimize import main
from xdn.frontend import load


def test_what_is_written_has_the_same_layers_and_a_smaller_file(small, capsys):
    net, path = small
    options = ["--codebooks", "--centroids", "8", "--keep-f32", "fc", "--seed", "3", "--explain"]
    assert main([str(path), *options, "--json", "report.json"]) == 0
    assert "fc: keeps its weight: it was asked for" in capsys.readouterr().out
    found = load(Path("small.xdn/small.prototxt"), Path("small.xdn/small.caffemodel"))
    assert [each.name for each in found.layers] == [each.name for each in net.layers]
    report = json.loads(Path("report.json").read_text())["codebooks"]
    marked = {each.name: each.block for each in found.layers if each.block}
    assert marked == {name: made["length"] for name, made in report["layers"].items()}
    assert marked
    assert (report["config"]["centroids"], report["config"]["seed"]) == (8, 3)
    assert Path("small.xdn/small.caffemodel").stat().st_size < path.with_suffix(".caffemodel").stat().st_size


@pytest.mark.parametrize("options", [["--calibrate", "random"], ["--bits", "1/32"], ["--to", "onnx"]])
def test_codebooks_are_of_f32_weights_in_a_caffemodel(small, capsys, options):
    with pytest.raises(SystemExit):
        main([str(small[1]), "--codebooks", "large", *options])
    assert "--codebooks are of f32 weights, in a caffemodel" in capsys.readouterr().err


def test_codebooks_are_of_layers_that_are_not_fused(small, capsys):
    with pytest.raises(SystemExit):
        main([str(small[1]), "--codebooks", "--emit-fused"])
    assert "--codebooks are trained next, before layers are fused: without --emit-fused" in capsys.readouterr().err
