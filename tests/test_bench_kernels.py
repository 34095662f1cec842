"""The benchmark of kernels: which shapes it takes, that every family is run, and what it reports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from xdn.element import REAL
from xdn.errors import UnsupportedError
from xdn.frontend import load
from xdn.graph.cost import layer_cost
from xdn.kernels.core.family import FAMILIES
from xdn.kernels.core.layout import BATCH, CHANNEL, SCHEDULES

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "prototxt"


@pytest.fixture
def bench(monkeypatch):
    """Return a function that imports a module of bench/."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return __import__


def kernels(*args):
    """Run bench/kernels.py and return the finished process."""
    command = [sys.executable, str(ROOT / "bench" / "kernels.py"), "--threads", "1", "--seconds", "0", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def small_net(folder, layers):
    """Write a prototxt of an 8x8 input and `layers` into `folder`; return the folder."""
    folder.mkdir()
    head = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 4 dim: 8 dim: 8 } } }'
    (folder / "net.prototxt").write_text(f"{head}\n{layers}")
    return folder


CONVOLUTION = """layer {{ name: "{0}" type: "Convolution" bottom: "{1}" top: "{0}"
convolution_param {{ num_output: 4 kernel_size: 3 pad: 1 {2} }} }}
"""


def test_shapes_are_those_that_the_executor_runs_each_once(bench, tmp_path):
    chain = "".join(CONVOLUTION.format(f"c{i}", f"c{i - 1}" if i else "data", "") for i in range(3))
    relu = 'layer { name: "r" type: "ReLU" bottom: "c2" top: "c2" }'
    one = small_net(tmp_path / "one", chain + relu)
    two = small_net(tmp_path / "two", CONVOLUTION.format("c", "data", "") + CONVOLUTION.format("d", "c", "group: 4"))
    cases, _ = bench("shapes").collect([one, two])
    found = {(c.family, c.parameters): (c.origin, dict(c.used)) for c in cases if c.layer.type == "Convolution"}
    text = "pad=1 kernel_size=3 num_output=4"
    assert found == {
        ("contract", text): ("fused", {"one": 2, "two": 1}),
        ("contract", f"{text} + ReLU"): ("fused", {"one": 1}),
        ("depthwise", f"{text} group=4"): ("fused", {"two": 1}),
    }
    # Fusion leaves no ReLU: the family is measured on the net as it was read.
    (leaky,) = (case for case in cases if case.family == "leaky")
    assert (leaky.origin, leaky.shapes) == ("as read", ((4, 8, 8),))
    (elu,) = (case for case in cases if case.family == "elu")
    assert (elu.origin, elu.shapes, dict(elu.used)) == ("stand-in", ((4, 8, 8),), {})


def test_families_without_a_shape_are_named(bench, tmp_path):
    folder = small_net(tmp_path / "net", CONVOLUTION.format("c", "data", ""))
    cases, without = bench("shapes").collect([folder])
    assert {case.family for case in cases} | set(without) == bench("shapes").families_of(BATCH)
    assert {case.family for case in cases}.isdisjoint(without)
    assert {"move", "softmax", "pool"} <= set(without)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=lambda schedule: schedule.name)
def test_the_shipped_nets_have_a_shape_for_every_family_of_their_layers(bench, schedule):
    folders = [SHIPPED / name for name in ("googlenet", "mobilenet_v2", "densenet121")]
    cases, without = bench("shapes").collect(folders, schedule)
    types = {layer.type for folder in folders for layer in load(folder / "deploy.prototxt").layers}
    missing = {name for name in without if types.intersection(FAMILIES[name].types)}
    # Dilated depthwise layers, what no rule takes; a second bottom or top, and axes, that no shipped net has.
    others = {"affine_elements", "affine_positions", "pool_indices", "row_product", "scale_by", "softmax_positions"}
    # A processor may have no tile unit.
    others |= {"tiles", "channel_tiles"}
    # Layers of the shipped nets compute in f32; calibrated ones read integers, and those that are asked to bf16.
    others |= {name for name, f in FAMILIES.items() if f.quantized or f.bf16 or REAL not in f.elements}
    of_one_image = {"channel_blas", "channel_depthwise", "channel_strassen"}
    assert missing - others == (of_one_image if schedule is CHANNEL else set())
    assert len({case.key for case in cases}) == len(cases)


def test_a_case_is_a_net_of_its_own(bench):
    (case,) = (c for c in bench("shapes").collect([SHIPPED / "lenet"])[0] if "num_output=50 " in f"{c.parameters} ")
    net = case.net()
    whole = load(SHIPPED / "lenet" / "deploy.prototxt")
    assert [layer.name for layer in net.layers] == ["x0", "layer"]
    assert layer_cost(net, net.layer("layer")).macs == layer_cost(whole, whole.layer("conv2")).macs
    net.require_weights()


def test_a_folder_without_a_single_prototxt_is_refused(bench, tmp_path):
    with pytest.raises(UnsupportedError, match="0 prototxts lie here"):
        bench("shapes").collect([tmp_path])


def test_a_layer_too_large_for_the_memory_is_named(bench, monkeypatch):
    case = bench("shapes").collect([SHIPPED / "lenet"])[0][0]
    monkeypatch.setattr(bench("alone"), "MEMORY_SHARE", 0.0)
    assert "more than half of the free memory" in bench("kernels").measure(case, 1, 0, None)["skipped"]


def test_every_shape_is_timed_and_reported(tmp_path):
    target = tmp_path / "kernels.json"
    done = kernels("--net", "lenet", "--family", "contract", "--family", "pool", "--json", str(target))
    assert done.returncode == 0, done.stderr
    document = json.loads(target.read_text())
    assert document["machine"]["cpu"]
    assert document["machine"]["numba"]
    assert [case["family"] for case in document["cases"]] == [*["contract"] * 4, "pool", "pool"]
    for case in document["cases"]:
        assert case["ms"] > 0
        assert case["runs"] >= 1
        assert case["nets"] == {"lenet": 1}
        assert case["gbytes"] == pytest.approx(case["bytes"] / (1e6 * case["ms"]))
    first, second, *products, one, other = document["cases"]
    # Neither convolution is padded: what is executed is what the net counts.
    assert (first["macs"], second["macs"]) == (24 * 24 * 20 * 25, 8 * 8 * 50 * 20 * 25)
    assert [product["macs"] for product in products] == [800 * 500, 500 * 10]
    assert first["peak_percent"] == pytest.approx(100 * first["gflops"] / first["peak_gflops"])
    assert first["gflops"] == pytest.approx(2 * first["macs"] * first["images"] / (1e6 * first["ms"]))
    assert [pool["macs"] for pool in (one, other)] == [0, 0]
    assert document["families"]["contract"]["shapes"] == 4
    assert document["families"]["pool"]["gbytes"][0] > 0
    assert "kernel_size=5 num_output=20" in done.stdout


def test_an_unknown_family_is_an_error():
    done = kernels("--net", "lenet", "--family", "relu")
    assert done.returncode == 1
    assert "unknown kernel family 'relu'" in done.stderr


def test_exhaustive_compares_the_rule_with_every_choice(tmp_path):
    folder = small_net(tmp_path / "net", CONVOLUTION.format("c", "data", ""))
    done = kernels("--net", str(folder), "--exhaustive", "--images", "3", "--json", str(tmp_path / "found.json"))
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    (case,) = found["cases"]
    # Three ways to cut four filters, three algorithms.
    assert (case["type"], case["choices"], case["nets"]) == ("Convolution", 9, {"net": 1})
    total = found["totals"]["net"]
    assert total["ratio"] == total["rule_ms"] / total["best_ms"] >= 1
    assert "rule / best" in done.stdout
