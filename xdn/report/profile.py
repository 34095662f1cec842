"""Where a run's time went, as people read it, and as CSV."""

import csv
import io
from contextlib import suppress

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table

from xdn.codegen.names import KernelName
from xdn.element import REAL
from xdn.report.quantities import count, counted, shape, size
from xdn.report.section import fitting
from xdn.runtime.profile import LayerProfile, Profile

_COLUMNS = (
    "layer",
    "type",
    "shape",
    "kernels",
    "ms",
    "predicted",
    "share",
    "MACs/image",
    "GFLOP/s",
    "of peak",
    "moved",
    "GB/s",
)
#: Columns of words; the others are numbers.
_WORDS = 4
#: What is left out first where there is little room, as much of it as must be.
_LEFT_OUT = ("GB/s", "moved", "kernels", "MACs/image", "shape", "type", "GFLOP/s", "share", "predicted")


class ProfileTable:
    """A table with a row a layer, in the order in which they run, and the totals; in as many columns as there is room.

    Words are not broken, but for names of layers that take more than half of the room.

    Parameters
    ----------
    profile : Profile
    """

    def __init__(self, profile: Profile):
        self._profile = profile

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the widest table that fits."""
        left_out = (_LEFT_OUT[:number] for number in range(len(_LEFT_OUT) + 1))
        yield fitting(console, options, (_table(self._profile, names, options.max_width) for names in left_out))


def _table(profile: Profile, left_out: tuple[str, ...], width: int) -> Table:
    title = (
        f"{profile.images} images in {profile.run_ms:.1f} ms, {counted(profile.workers, 'thread')}; "
        f"peak of the arithmetic: {profile.peak_gflops:.0f} GFLOP/s"
    )
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_footer=True, footer_style="bold")
    if left_out:
        table.caption, table.caption_justify = f"for want of room without {', '.join(left_out)}: --wide", "left"
    kept = [place for place, name in enumerate(_COLUMNS) if name not in left_out]
    footer = f"{len(profile.layers)} rows", *_row(profile.total)[1:]
    for place in kept:
        table.add_column(
            _COLUMNS[place], footer[place], overflow="fold", justify="right" if place >= _WORDS else "left",
            max_width=width // 2 if place == 0 else None,
        )  # fmt: skip
    for layer in profile.layers:
        row = _row(layer)
        table.add_row(*(row[place] for place in kept))
    return table


def _row(layer: LayerProfile) -> tuple[str, ...]:
    return (
        layer.name,
        layer.type,
        ", ".join(map(shape, layer.shapes)),
        kernels_of(layer),
        f"{layer.ms:.3f}",
        f"{layer.predicted_ms:.3f}" if layer.predicted_ms else "",
        f"{layer.share:.1%}",
        count(layer.macs) if layer.macs else "",
        f"{layer.gflops:.1f}" if layer.macs else "",
        f"{layer.peak_percent:.1f} %" if layer.macs else "",
        size(layer.bytes) if layer.bytes else "",
        f"{layer.gbytes:.1f}" if layer.bytes else "",
    )


def kernels_of(layer: LayerProfile) -> str:
    """Return the names of a layer's kernels, without the instruction set behind two underscores: the whole run's."""
    return ", ".join(name.partition("__")[0] for name in layer.kernels)


def numbers_of(layer: LayerProfile) -> str:
    """Return the number formats that a layer's kernels compute in, such as "u8 x s8"; empty of one without kernels."""
    found: dict[str, None] = {}
    for kernel in layer.kernels:
        with suppress(ValueError):
            name = KernelName.parse(kernel)
            same = name.weights in (REAL, name.element)
            found[name.element.name if same else f"{name.element.name} x {name.weights.name}"] = None
    return ", ".join(found)


def profile_csv(profile: Profile) -> str:
    """Return the same as CSV: numbers in full and names as they are; several shapes or kernels with blanks between."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        (
            "layer",
            "type",
            "shapes",
            "kernels",
            "ms",
            "predicted_ms",
            "share",
            "macs",
            "gflops",
            "peak_percent",
            "bytes",
            "gbytes",
        )
    )
    for row in (*profile.layers, profile.total):
        words = row.name, row.type, " ".join(map(shape, row.shapes)), " ".join(row.kernels)
        numbers = row.ms, row.predicted_ms, row.share, row.macs, row.gflops, row.peak_percent, row.bytes, row.gbytes
        writer.writerow((*words, *numbers))
    return text.getvalue()
