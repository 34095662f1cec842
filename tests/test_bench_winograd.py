"""The measurement of what fewer multiplications err by: which layers it takes, and what it reports."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GLYPHS = "prototxt/resnet20_glyphs10/resnet20.prototxt"


def winograd_error(*args):
    """Run bench/winograd_error.py and return the finished process."""
    command = [sys.executable, str(ROOT / "bench" / "winograd_error.py"), *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_every_layer_by_winograd_is_measured_on_real_inputs(tmp_path):
    target = tmp_path / "error.json"
    done = winograd_error("--net", str(ROOT / GLYPHS), "--images", "3", "--json", str(target))
    assert done.returncode == 0, done.stderr
    document = json.loads(target.read_text())
    assert document["machine"]["llvmlite"]
    assert (document["images"], document["data"]) == (3, "Glyphs-10 (synthetic), test")
    layers = {row["layer"]: row for row in document["layers"]}
    # Neither the first layer, of 3 channels, nor those with a stride.
    assert {"s1b1/conv1", "s2b1/conv2", "s3b3/conv2"} <= set(layers)
    assert not {"conv1", "s2b1/conv1", "s2b1/proj"} & set(layers)
    for row in layers.values():
        assert row["algorithm"] == "winograd4"
        for how in ("direct", "fewer"):
            # Not exact, and rounding errors: of some UNIT of the largest output.
            assert 0 < row[how]["rms"] < row[how]["largest"] < 2e-5
        assert row["layer"] in done.stdout
    assert document["whole"]["largest_difference"] < 1e-4
    assert document["whole"]["labels_that_differ"] == 0


def test_layers_that_can_be_computed_so_are_measured_where_the_rule_takes_none(tmp_path):
    target = tmp_path / "error.json"
    options = ("--algorithm", "winograd2", "--images", "2", "--json", str(target))
    done = winograd_error("--net", str(ROOT / GLYPHS), *options)
    assert done.returncode == 0, done.stderr
    layers = json.loads(target.read_text())["layers"]
    assert {row["algorithm"] for row in layers} == {"winograd2"}
    assert "conv1" in {row["layer"] for row in layers}


def test_data_of_another_set_is_refused():
    done = winograd_error("--net", str(ROOT / "prototxt/resnet20_cifar10/resnet20.prototxt"), "--data", "glyphs10")
    assert done.returncode == 1
    assert "trained for" in done.stderr
