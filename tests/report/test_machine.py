"""The table of a machine."""

from dataclasses import replace

from tests.kernels.machine.machines import ZEN4, rate
from tests.report.rendering import rendered
from xdn.report.machine import machine_table


def test_every_figure_is_there():
    text = rendered(machine_table(ZEN4))
    for figure in ("znver4, avx512f, 2 threads", "58.5", "117.0", "234.0", "204.0", "150.0", "32 KiB for 1 processor"):
        assert figure in text
    assert "3.65" in text
    assert "~" not in text


def test_one_thread_meets_nobody_and_unsure_figures_are_marked():
    text = rendered(machine_table(replace(ZEN4, threads=1, tile_macs=rate(58.5, sure=False))))
    assert "threads meet" not in text
    assert "58.5 ~" in text
    assert "--again" in text
