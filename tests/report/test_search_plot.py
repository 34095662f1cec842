"""Search strategies side by side."""

import pytest

from xdn.report.search_plot import draw_strategies


def test_every_strategy_is_a_line(tmp_path):
    pytest.importorskip("matplotlib")
    paths = {"halving": [[(1.0, 0.9), (2.0, 0.7)], [(1.5, 0.8)]], "random": [[(1.0, 1.0), (3.0, 0.8)]]}
    draw_strategies(paths, 0.7, tmp_path / "plot.svg")
    text = (tmp_path / "plot.svg").read_text()
    for shown in ("halving", "random", "spent, full measurements"):
        assert shown in text, shown
