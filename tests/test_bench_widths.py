"""The benchmark of pruned widths: what becomes of a net's widths, and what is reported."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from xdn.errors import UnsupportedError
from xdn.frontend import load

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "prototxt"
RATIO = 37 / 64


@pytest.fixture
def narrow(monkeypatch):
    """Return the module bench/narrow.py."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return __import__("narrow")


def widths_of(net):
    return {layer.name: layer.params.num_output for layer in net.layers if hasattr(layer.params, "num_output")}


def test_widths_become_the_nearest_odd_number(narrow):
    assert [narrow.odd_width(width, RATIO) for width in (1, 2, 16, 32, 64, 128, 2048)] == [1, 1, 9, 19, 37, 73, 1185]
    assert narrow.odd_width(3, 0.01) == 1


@pytest.mark.parametrize("name", ["resnet20", "resnet50_32", "mobilenet_v2", "densenet121", "googlenet"])
def test_equal_widths_stay_equal_and_the_classes_stay(narrow, name):
    (path,) = (SHIPPED / name).glob("*.prototxt")
    net = load(path)
    other = narrow.narrowed(net, RATIO)
    before, after = widths_of(net), widths_of(other)
    *inner, _ = before
    assert len({(before[layer], after[layer]) for layer in inner}) == len({before[layer] for layer in inner})
    assert all(after[layer] % 2 and after[layer] < before[layer] for layer in inner)
    assert [other.blobs[b].shape for b in other.outputs] == [net.blobs[b].shape for b in net.outputs]


def test_a_convolution_that_gives_the_classes_is_kept(narrow):
    (path,) = (SHIPPED / "squeezenet_v1.1").glob("*.prototxt")
    after = widths_of(narrow.narrowed(load(path), RATIO))
    assert after["conv10"] == 1000
    assert after["conv1"] == 37


def test_groups_that_odd_widths_do_not_divide_by_are_refused(narrow, tmp_path):
    head = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 4 dim: 8 dim: 8 } } }'
    layer = 'layer {{ name: "{0}" type: "Convolution" bottom: "{1}" top: "{0}" convolution_param {{ {2} }} }}'
    first = layer.format("a", "x", "num_output: 8 kernel_size: 3 group: 2")
    (tmp_path / "net.prototxt").write_text(head + first + layer.format("b", "a", "num_output: 3 kernel_size: 3"))
    with pytest.raises(UnsupportedError, match="2 groups"):
        narrow.narrowed(load(tmp_path / "net.prototxt"), RATIO)


def widths(*args):
    """Run bench/widths.py and return the finished process."""
    command = [sys.executable, str(ROOT / "bench" / "widths.py"), "--threads", "1", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_shares_of_multiplications_and_time_are_reported(tmp_path):
    target = tmp_path / "widths.json"
    net = str(SHIPPED / "resnet20" / "deploy.prototxt")
    done = widths("--net", net, "--images", "32", "--rounds", "2", "--json", str(target))
    assert done.returncode == 0, done.stderr
    document = json.loads(target.read_text())
    assert document["machine"]["cpu"]
    (found,) = document["nets"]
    assert found["widths"] == {"16": 9, "32": 19, "64": 37}
    assert found["full"]["macs"] > 2 * found["narrow"]["macs"] > 0
    assert found["macs_removed"] == pytest.approx(1 - found["narrow"]["macs"] / found["full"]["macs"])
    assert found["time_removed"] == pytest.approx(1 - found["narrow"]["ms"] / found["full"]["ms"])
    assert found["quotient"] == pytest.approx(found["time_removed"] / found["macs_removed"])
    assert "time / MACs" in done.stdout


def test_a_ratio_is_a_share():
    done = widths("--ratio", "1.5")
    assert done.returncode == 2
    assert "'1.5' is not a number between 0 and 1" in done.stderr
