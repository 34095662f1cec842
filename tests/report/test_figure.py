"""Drawings as files."""

import sys

import cv2
import pytest

from xdn.errors import SettingError
from xdn.report.figure import DPI, figure


def save_line(*paths):
    with figure(paths, (4.0, 2.0)) as drawing:
        drawing.add_subplot().plot([1, 2, 4])


def test_png_and_svg_of_one_drawing(tmp_path):
    pytest.importorskip("matplotlib")
    paths = [tmp_path / "a.png", tmp_path / "a.SVG"]
    save_line(*paths)
    assert cv2.imread(str(paths[0])).shape == (2 * DPI, 4 * DPI, 3)
    assert "<svg" in paths[1].read_text()


def test_the_same_drawing_is_the_same_file(tmp_path):
    pytest.importorskip("matplotlib")
    for name in ("a.svg", "b.svg"):
        save_line(tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_another_kind_of_file_and_a_missing_package(tmp_path, monkeypatch):
    with pytest.raises(SettingError, match=r"Name a \.png or \.svg"):
        save_line(tmp_path / "a.pdf")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SettingError, match=r"xdn\[train\]"):
        save_line(tmp_path / "a.png")
