"""The waterfall as a drawing, PNG and SVG; needs matplotlib, of the extra `[train]`."""

from pathlib import Path
from typing import TYPE_CHECKING

from xdn.evaluate.bars import Bar, Contest
from xdn.report.contest import OUTSIDE, STEPS, step_title, waterfall
from xdn.report.figure import SUFFIXES, figure, finish
from xdn.report.quantities import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OWN, _OUTSIDE, _LIMIT = "#3a6ea5", "#b8b8b8", "#c0392b"
#: In inches.
_SIZE = (9.0, 4.8)


def draw(contest: Contest, stem: Path) -> list[Path]:
    """Write the waterfall as `stem` with .png and .svg; return the files.

    Raises
    ------
    SettingError
        Where matplotlib is not installed.
    """
    bars = [bar for bar in contest.bars if bar.key in OUTSIDE] + waterfall(contest)
    written = [stem.with_suffix(suffix) for suffix in SUFFIXES]
    with figure(written, _SIZE) as drawing:
        _bars(drawing.add_subplot(), bars)
    return written


def _bars(axes: "Axes", bars: list[Bar]) -> None:
    ms = [1e3 * bar.seconds for bar in bars]
    axes.bar(range(len(bars)), ms, color=[_OUTSIDE if bar.key in OUTSIDE else _OWN for bar in bars], width=0.7)
    axes.set_yscale("log")
    label = "its multiplications at the machine's peak"
    for place, bar in enumerate(bars):
        before = bars[place - 1] if place and bars[place - 1].key not in OUTSIDE else None
        factor = f"\n{before.seconds / bar.seconds:.2f}x" if before else ""
        axes.annotate(
            f"{ms[place]:,.0f} ms{factor}", (place, ms[place]), (0, 2), textcoords="offset points", ha="center",
            va="bottom", fontsize=8,
        )  # fmt: skip
        if bar.limit_s is not None:
            axes.hlines(1e3 * bar.limit_s, place - 0.35, place + 0.35, color=_LIMIT, linewidth=2, label=label)
            label = ""
    axes.set_xticks(range(len(bars)), [_name(bar) for bar in bars], fontsize=8)
    lowest = min([*ms, *(1e3 * bar.limit_s for bar in bars if bar.limit_s is not None)])
    axes.set_ylim(lowest / 2, max(ms) * 2.5)
    finish(axes, "", f"ms for {bars[0].images:,} images")


def _name(bar: Bar) -> str:
    first = bar.key in OUTSIDE or bar.key == STEPS[0]
    title = (
        bar.title if first else f"+ {step_title(bar)}".replace(" configuration", "\nconfiguration").replace(" (", "\n(")
    )
    return f"{title}\n{counted(bar.result.threads, 'thread')}"
