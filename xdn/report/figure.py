"""Drawings as files; needs matplotlib, of the extra `[train]`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from xdn.errors import SettingError
from xdn.files import atomic_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Dots an inch of a PNG.
DPI = 150
SUFFIXES = (".png", ".svg")


def checked_suffix(path: Path) -> None:
    """Raise SettingError where a path names no kind of drawing."""
    if path.suffix.lower() not in SUFFIXES:
        raise SettingError(f"{path.suffix!r} is not a kind of drawing", where=str(path), mend="Name a .png or .svg")


@contextmanager
def figure(paths: Sequence[Path], size: tuple[float, float]) -> Iterator["Figure"]:
    """Open a figure of a size in inches, and write what is drawn to each of `paths`, .png or .svg.

    Text stays text, and the same drawing gives the same file.

    Raises
    ------
    SettingError
        For another suffix, or where matplotlib is not installed.
    """
    for path in paths:
        checked_suffix(path)
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        mend = "Install it with pip install 'xdn[train]'"
        raise SettingError("the drawing needs matplotlib, which is not installed", mend=mend) from None
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "xdn"}):
        drawing = Figure(figsize=size, layout="constrained")
        yield drawing
        for path in paths:
            with atomic_file(path) as file:
                kind = path.suffix.lower()[1:]
                drawing.savefig(file, format=kind, dpi=DPI, metadata={"Date": None} if kind == "svg" else None)


def finish(axes: "Axes", x: str, y: str) -> None:
    """Label the axes, leave the lines to the left and below, and say what is what."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8)
