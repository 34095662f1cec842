"""The benchmark of runs in parts, and the simulation that it feeds."""

import importlib
import json
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.data.samples import ArrayDataset

#: Of a block, in seconds.
SERVICE_S = [0.9, 1.0, 1.1]


@pytest.fixture
def modules(monkeypatch):
    """Return bench/ray_scaling.py and tools/simulate_cluster.py as modules."""
    for folder in ("bench", "tools"):
        monkeypatch.syspath_prepend(str(ROOT / folder))
    return importlib.import_module("ray_scaling"), importlib.import_module("simulate_cluster")


def test_images_begin_again_where_they_end(modules, rng):
    bench, _ = modules
    pixels = rng.integers(0, 256, (5, 4, 4, 3), np.uint8)
    repeated = bench.Repeated(ArrayDataset(pixels, np.arange(5) % 3), 13)
    assert len(repeated) == 13
    assert np.array_equal(repeated.images(), np.concatenate([pixels] * 3)[:13])
    assert np.array_equal(repeated.images(3, 12), np.concatenate([pixels] * 3)[3:12])


def test_how_far_points_are_from_a_line(modules):
    bench, _ = modules
    straight = [(n, 2.5 + 0.01 * n) for n in range(100, 1100, 100)]
    assert bench.straight_line(straight) == pytest.approx(0.0, abs=1e-9)
    assert bench.straight_line([*straight[:-1], (1000, 14.5)]) > 0.05


def test_the_fastest_round_counts(modules):
    bench, _ = modules
    seconds = {bench.WHOLE.format(1): (2e-3, 1e-3), bench.WHOLE.format(2): (1e-3, 5e-4), bench.PARTS: (1.1e-3, 4e-3)}
    seconds |= {bench.RAY.format(1): (1e-3, 2e-3), bench.RAY.format(2): (6e-4, 5.5e-4)}
    found = bench.summary({name: [{"s_an_image": each} for each in pair] for name, pair in seconds.items()})
    assert found[bench.PARTS]["over_process"] == pytest.approx(1.1)
    assert found[bench.RAY.format(2)]["over_process"] == pytest.approx(1.1)


def test_equal_machines_take_what_blocks_take(modules):
    _, simulate = modules
    outcome = simulate.Simulation(simulate.Cluster(nodes=4, start_s=3.0)).run([2.0] * 10)
    assert outcome.seconds == 3.0 + 3 * 2.0
    assert (outcome.handed, outcome.failures, outcome.useful_s) == (10, 0, 20.0)


def test_a_driver_that_is_too_slow_sets_the_pace(modules):
    _, simulate = modules
    outcome = simulate.Simulation(simulate.Cluster(nodes=100, dispatch_s=0.5)).run([1.0] * 200)
    assert outcome.seconds == pytest.approx(200 * 0.5 + 1.0)
    assert simulate.Simulation(simulate.Cluster(nodes=2, dispatch_s=0.5)).run([10.0] * 20).seconds < 20 * 10.0 / 2 + 2


@pytest.mark.parametrize("seed", range(3))
def test_what_is_lost_is_run_again(modules, seed):
    _, simulate = modules
    cluster = simulate.Cluster(nodes=5, failure_s=50.0, notice_s=5.0, repair_s=10.0)
    outcome = simulate.Simulation(cluster, 1.0, seed).run([1.0] * 500)
    assert outcome.failures > 0
    assert outcome.handed == 500 + outcome.failures
    assert outcome.useful_s == 500.0
    assert outcome.seconds > 100.0
    assert outcome.efficiency(5) < 1.0


def test_the_time_of_large_pieces_is_lost_in_part_alone(modules):
    _, simulate = modules
    cluster = simulate.Cluster(nodes=1, failure_s=150.0, notice_s=0.0, repair_s=0.0)
    outcome = simulate.Simulation(cluster, 1.0, 1).run([100.0] * 10)
    assert outcome.failures > 0
    assert outcome.seconds <= 1000.0 + outcome.failures * 1.0 + 1e-6


def test_a_straggler_costs_what_it_is_slower(modules):
    _, simulate = modules
    cluster = simulate.Cluster(nodes=1, stragglers=1.0, slowdown=3.0)
    assert simulate.Simulation(cluster).run([1.0] * 7).seconds == 21.0


def test_blocks_are_handed_out_together(modules):
    _, simulate = modules
    alone, together = (simulate.tasks(SERVICE_S, 1000, 2, each, 0) for each in (False, True))
    assert len(alone) == 1000
    assert len(together) < 150
    assert sum(alone) == pytest.approx(sum(together))


def test_it_draws_what_was_measured(modules, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    _, simulate = modules
    monkeypatch.setattr(simulate, "EACH", 100)
    monkeypatch.setattr(simulate, "SINGLE_EACH", 10)
    monkeypatch.setattr(simulate, "COST_BLOCKS", (1000, 2000))
    measured = {"dispatch_s": 0.01, "worker_start_s": 3.0, "service_s": SERVICE_S, "block_images": 100}
    (tmp_path / "ray.json").write_text(json.dumps(measured))
    call = [str(tmp_path / "ray.json"), "-o", str(tmp_path), "--nodes", "1", "4", "--json", str(tmp_path / "out.json")]
    assert simulate.main(call) == 0
    document = json.loads((tmp_path / "out.json").read_text())
    assert [row["nodes"] for row in document["by_nodes"]["all of it"]] == [1, 4]
    assert len(document["by_images"]) == 2
    for name in ("cluster_efficiency.svg", "cluster_cost.svg"):
        assert "<svg" in (tmp_path / name).read_text()


@pytest.mark.parametrize("document", [[], {"dispatch_s": 1}, {"service_s": [-1.0]}])
def test_another_file_is_refused(modules, document, tmp_path, capsys):
    _, simulate = modules
    whole = {"dispatch_s": 0.01, "worker_start_s": 3.0, "service_s": SERVICE_S, "block_images": 100}
    broken = document if document == [] or "dispatch_s" in document else whole | document
    (tmp_path / "ray.json").write_text(json.dumps(broken))
    assert simulate.main([str(tmp_path / "ray.json"), "-o", str(tmp_path)]) == 1
    assert "error" in capsys.readouterr().err


@pytest.mark.slow  # a cluster takes seconds to begin
def test_it_measures_and_feeds_the_simulation(modules, tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed (pip install -e '.[ray]')")
    net = str(ROOT / "prototxt" / "resnet20_cifar10" / "resnet20.prototxt")
    call = ["--net", net, "--data", "glyphs10", "--images", "64", "--block", "16", "--json", str(tmp_path / "ray.json")]
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "ray_scaling.py"), *call], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "beside a process" in done.stdout
    _, simulate = modules
    base, service_s, block = simulate.measured(tmp_path / "ray.json")
    assert (len(service_s), block) == (4, 16)
    assert base.dispatch_s > 0
