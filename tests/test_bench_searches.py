"""The benchmark of search strategies: a surface is measured, written, and searched."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def searches(*args):
    """Run bench/searches.py and return the finished process."""
    net = ROOT / "prototxt" / "resnet20_glyphs10" / "resnet20.prototxt"
    command = [sys.executable, str(ROOT / "bench" / "searches.py"), "--net", str(net), "--threads", "1", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def module(monkeypatch):
    """Return the module bench/searches.py."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    return __import__("searches")


@pytest.fixture
def surface(module):
    """Return scores that grow with the place in the space, one of them failing."""
    space = module.run_space(1, None)
    scores = {point: [1.1 + i / 50] * 4 for i, point in enumerate(space)}
    worst = list(scores)[-1]
    scores[worst] = [float("inf")] * 4
    scores[list(scores)[3]] = [0.9, 0.9, 0.8, 0.82]
    return module.Surface(space, scores)


def test_what_is_known_of_a_surface(module, surface):
    assert surface.best == pytest.approx(0.81)
    assert 0 < surface.noise < 0.02


def test_the_grid_finds_the_best_and_no_search_takes_what_is_worse_than_the_default(module, surface):
    found = module.compared(surface, budget=20, seeds=3)
    assert found["grid"]["median"] == pytest.approx(1.0)
    for row in found.values():
        assert 1 <= row["median"] <= row["worst"] <= 1 / 0.81 + 1e-9
        assert all(spent <= 20 for path in row["paths"] for spent, _ in path) or row is found["grid"]


def test_a_surface_is_searched_again(module, surface, tmp_path):
    pytest.importorskip("matplotlib")
    rows = [
        {"values": surface.space.values(point), "scores": [None if s == float("inf") else s for s in scores]}
        for point, scores in surface.scores.items()
    ]
    (tmp_path / "surface.json").write_text(json.dumps({"surface": rows}))
    done = searches("--surface", str(tmp_path / "surface.json"), "--plot", str(tmp_path / "plot.svg"), "--json", "-")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert set(document["strategies"]) == {"genetic", "grid", "halving", "policy-gradient", "random"}
    assert document["default_over_best"] == pytest.approx(1 / 0.81)
    assert document["surface"] == rows
    assert (tmp_path / "plot.svg").stat().st_size > 1000


def test_scores_of_another_space_are_refused(tmp_path):
    (tmp_path / "surface.json").write_text('{"surface": []}')
    done = searches("--surface", str(tmp_path / "surface.json"))
    assert done.returncode == 1
    assert "another space" in done.stderr


def test_every_strategy_is_a_line(module, tmp_path):
    pytest.importorskip("matplotlib")
    paths = {"halving": [[(1.0, 0.9), (2.0, 0.7)], [(1.5, 0.8)]], "random": [[(1.0, 1.0), (3.0, 0.8)]]}
    module.draw_strategies(paths, 0.7, tmp_path / "plot.svg")
    text = (tmp_path / "plot.svg").read_text()
    for shown in ("halving", "random", "spent, full measurements"):
        assert shown in text, shown
