"""Tuning as tables and as a drawing."""

import sys
from math import inf

import cv2
import pytest

from tests.report.rendering import rendered
from xdn.errors import SettingError
from xdn.kernels.core.choice import Choice
from xdn.report.tuning import (
    draw_operators,
    draw_search,
    operators_table,
    outcome_table,
    results_table,
    space_table,
    trials_line,
)
from xdn.runtime.configuration import Configuration
from xdn.tune.axes import run_space
from xdn.tune.operators import choice_space
from xdn.tune.store import Result
from xdn.tune.trial import Trial
from xdn.tune.tuner import Outcome

SPACE = choice_space([Choice("direct", (1, 8), "tiles")])
DEFAULT = {"threads": 2, "schedule": "batch", "members": 1, "chunk": 192, "heavy": 2.0, "light": 1}
BETTER = DEFAULT | {"chunk": 128, "heavy": 0.0}
TRIALS = (
    Trial(DEFAULT, 1 / 9, 1.01, at_s=0.5),
    Trial(BETTER, 1 / 9, 0.75, at_s=1.0),
    Trial(DEFAULT | {"threads": 1}, 1 / 9, inf, "MemoryError: no", at_s=1.5),
    Trial(BETTER, 1.0, 0.8, at_s=2.0),
)
OUTCOME = Outcome((Configuration(2), None), BETTER, TRIALS, (10.0, 12.0, 11.0), (8.0, 8.5, 8.8), {"chunk": 1.25}, 3.5)


def test_the_space_is_its_axes_and_its_size():
    space = run_space(2, None)
    text = rendered(space_table(space))
    assert f"{space.size} of {space.combinations} combinations" in text
    for axis in space.axes:
        assert axis.name in text


def test_default_and_winner_stand_side_by_side():
    text = rendered(outcome_table(OUTCOME, DEFAULT, "ms for 1000 images"))
    for shown in ("10.000 (10.000 .. 12.000)", "8.000 (8.000 .. 8.800)", "192", "128", "1.250x"):
        assert shown in text, shown


def test_the_table_does_not_contradict_itself_where_the_machine_s_speed_drifts():
    """Medians of their own would say 9.9 and 13.1, and that 13.1 is the faster one."""
    outcome = Outcome((Configuration(2), None), BETTER, TRIALS, (9.9, 9.4, 14.0), (13.1, 9.0, 13.4), {}, 3.5)
    text = rendered(outcome_table(outcome, DEFAULT, "ms"))
    assert "9.400 (9.400 .. 14.000)" in text
    assert "9.000 (9.000 .. 13.400)" in text
    assert "1.044x" in text


def test_operators_are_listed_with_their_choices():
    operators = {
        "conv1": (("conv1",), choice_space([Choice("direct", (1, 2)), Choice("blas")])),
        "fc": (("fc", "f"), SPACE),
    }
    text = rendered(operators_table(operators))
    assert "3 choices for 2 operators" in text
    assert "conv1" in text


def test_the_drawing_of_operators(tmp_path):
    pytest.importorskip("matplotlib")
    scores = [("conv1", 0.7), ("conv1", 1.4), ("fc", inf), ("fc", 0.4)]
    trials = tuple(Trial({"layer": layer, "choice": "x"}, 1.0, score) for layer, score in scores)
    draw_operators(trials, tmp_path / "operators.svg")
    for shown in ("conv1", "fc", "best", "base's"):
        assert shown in (tmp_path / "operators.svg").read_text(), shown
    draw_operators((), tmp_path / "empty.png")
    assert cv2.imread(str(tmp_path / "empty.png")).shape == (570, 1350, 3)


def test_trials_in_one_line():
    assert trials_line(TRIALS, 3.5) == "4 trials of 3 configurations in 3.5 s, 1 of them failed: MemoryError: no"


def test_stored_results_and_those_that_are_not_used_here():
    configuration = Configuration(threads=2, chunk_blocks=4, choices={"batch": {"c": Choice("direct")}})
    facts = {"cpu": "znver4", "image": "3x32x32", "objective": "contest"}
    results = {
        "a" * 32: Result(facts, configuration, 8, 1.5, 12.0, 1.7e9),
        "b" * 32: Result(facts | {"cpu": "haswell"}, configuration, None, 1.1, 13.0, 1.7e9),
    }
    text = rendered(results_table(results, {"cpu": "znver4"}))
    for shown in ("a" * 12, "threads 2, chunk_blocks 4, calls of 8", "1.500x", "not used here: other cpu"):
        assert shown in text, shown


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_drawing(tmp_path, suffix):
    pytest.importorskip("matplotlib")
    path = tmp_path / f"search.{suffix}"
    draw_search(TRIALS, path)
    if suffix == "png":
        assert cv2.imread(str(path)).shape == (570, 1350, 3)
    else:
        for shown in ("best so far", "images of a chunk", "2 x batch", "0.75"):
            assert shown in path.read_text(), shown


def test_a_search_without_a_trial_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    draw_search((), tmp_path / "empty.svg")
    assert "seconds" in (tmp_path / "empty.svg").read_text()


def test_drawings_that_cannot_be_made(tmp_path, monkeypatch):
    with pytest.raises(SettingError, match=r"Name a \.png or \.svg"):
        draw_search(TRIALS, tmp_path / "search.pdf")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SettingError, match=r"xdn\[train\]"):
        draw_search(TRIALS, tmp_path / "search.png")
