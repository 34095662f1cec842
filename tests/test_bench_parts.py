"""The measurement of what products of parts err: which layers it takes, and what it reports."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GLYPHS = ROOT / "prototxt/resnet20_glyphs10/resnet20.prototxt"


def parts_error(target, *args):
    """Run bench/parts_error.py for a target and return the finished process."""
    command = [sys.executable, str(ROOT / "bench" / "parts_error.py"), *map(str, args)]
    environment = os.environ | {"XDN_TARGET": target}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)


def test_every_layer_of_filters_is_measured_on_real_inputs(tmp_path):
    path = tmp_path / "error.json"
    done = parts_error("amx-emulated", "--net", GLYPHS, "--images", 2, "--json", path)
    assert done.returncode == 0, done.stderr
    document = json.loads(path.read_text())
    assert (document["isa"], document["images"]) == ("amx-emulated", 2)
    layers = {row["layer"]: row for row in document["layers"]}
    assert {"conv1", "s1b1/conv1", "s2b1/conv1", "s2b1/proj", "fc"} <= set(layers)
    for name, row in layers.items():
        # Six products err as f32 sums do, three by 16 bits of single products, which partly cancel.
        assert 0 < row["bf16x6"]["rms"] < 2 * row["direct"]["rms"] < 2e-7
        assert row["direct"]["rms"] < row["bf16x3"]["rms"] < 2.0**-17
        assert name in done.stdout
    assert document["whole"]["bf16x6"]["largest_difference"] < 1e-6
    assert document["whole"]["bf16x3"]["largest_difference"] < 1e-4


def test_a_target_without_tiles_is_refused():
    done = parts_error("portable", "--net", GLYPHS)
    assert done.returncode == 1
    assert "XDN_TARGET: this processor has no tile unit. Set it to amx-emulated" in done.stderr
