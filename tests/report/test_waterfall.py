"""The drawing of the waterfall."""

import sys
from dataclasses import replace

import cv2
import pytest

from tests.evaluate.contest_results import CONTEST
from xdn.errors import SettingError
from xdn.report.waterfall import draw


def test_the_drawing_names_every_bar_with_its_time_and_factor(tmp_path):
    pytest.importorskip("matplotlib")
    png, svg = draw(CONTEST, tmp_path / "waterfall")
    assert cv2.imread(str(png)).shape == (720, 1350, 3)
    text = svg.read_text()
    for shown in ("24,000 ms", "12,000 ms", "2.00x", "1.33x", "opencv", "60,000 ms", "(OPT-B-2)", "peak"):
        assert shown in text, shown
    # The outside bars are not steps of the waterfall, and a step over another engine is not a factor.
    assert "2.50x" not in text


def test_the_same_results_give_the_same_file(tmp_path):
    pytest.importorskip("matplotlib")
    first, second = (draw(CONTEST, tmp_path / name)[1] for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def test_one_bar_without_a_limit_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    bars = tuple(each for each in CONTEST.bars if each.key == "opencv")
    assert all(path.stat().st_size for path in draw(replace(CONTEST, bars=bars), tmp_path / "one"))


def test_without_matplotlib_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SettingError, match=r"xdn\[train\]"):
        draw(CONTEST, tmp_path / "waterfall")
