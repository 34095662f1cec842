"""A training's line and its curves, as PNG and SVG."""

import cv2
import pytest

from xdn.errors import SettingError
from xdn.report.training import curves, draw, progress_line

ROWS = [
    {"iteration": 1, "epoch": 0.5, "lr": 0.1, "loss": 2.0, "seconds": 1.0},
    {"iteration": 2, "epoch": 1.0, "test_accuracy": 50.0, "test_loss": None, "seconds": 2.0},
    {"iteration": 3, "epoch": 1.5, "lr": 0.2, "loss": 1.0, "seconds": 3.0},
]


def test_curves_are_over_epochs_and_leave_out_what_is_not_a_number():
    assert curves(ROWS) == {
        "loss": ([0.5, 1.5], [2.0, 1.0]),
        "test_accuracy": ([1.0], [50.0]),
        "lr": ([0.5, 1.5], [0.1, 0.2]),
    }
    assert curves([{"iteration": 1, "epoch": "1", "loss": 2.0}]) == {}


def test_a_line_says_what_is_left():
    row = {"iteration": 100, "epoch": 2.0, "test_accuracy": 91.234, "seconds": 600.0}
    left = "iteration 100/400 (epoch 2.0): accuracy 91.23 %, loss 0.123, 600 s, 30 min left"
    assert progress_line(row, 400, "0.123") == left
    assert progress_line(row, 100) == "iteration 100/100 (epoch 2.0): accuracy 91.23 %, 600 s"


def test_a_png_holds_the_curves(tmp_path):
    draw(ROWS, tmp_path / "t.png")
    draw(ROWS[:1], tmp_path / "other.png")
    image, other = (cv2.imread(str(tmp_path / name)) for name in ("t.png", "other.png"))
    assert image.shape == other.shape == (960, 840, 3)
    assert (image != other).any()


def test_an_svg_is_the_same_each_time(tmp_path):
    for name in ("a.svg", "b.svg"):
        draw(ROWS, tmp_path / name)
    text = (tmp_path / "a.svg").read_text()
    assert text.startswith("<?xml")
    assert text == (tmp_path / "b.svg").read_text()


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(SettingError, match=r"Name a .png or .svg"):
        draw(ROWS, tmp_path / "t.txt")
    with pytest.raises(SettingError, match="no rows to draw"):
        draw([], tmp_path / "t.png")
    assert list(tmp_path.iterdir()) == []
