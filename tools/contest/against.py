#!/usr/bin/env python3
"""Set trained nets beside the original and beside controls that were trained as long: accuracy, size and time.

    python tools/contest/against.py build/hybrid --net resnet56="ResNet-56" --control hybrid=control

DIR/NAME/times.json holds what a net's forms reach, the original first, as `times.py` writes it; the controls hold for
all nets. Writes DIR/against.md and DIR/against.json, and where matplotlib is installed DIR/against.png and .svg.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from options import named
from report import read, steps_section

from xdn import __version__
from xdn.cli.common import Output, new_parser, run_command
from xdn.cli.entry import program
from xdn.errors import SettingError
from xdn.evaluate.bars import Bar, Contest
from xdn.files import write_atomically
from xdn.report.contest import fused_networks
from xdn.report.figure import SUFFIXES, figure, finish
from xdn.report.section import Section

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: In inches, of the drawing.
SIZE = (10.0, 4.0)


@dataclass(frozen=True)
class Row:
    """One form of a net, fused.

    Parameters
    ----------
    net, name : str
        What people read of the net, and the form's name.
    control : str
        The name of the form that was trained as long, empty where there is none.
    percent : float
        Top-1 on the test images.
    macs, parameters : int
        Of the net as its file has it.
    file_bytes : int
        Size of the caffemodel.
    seconds : float
        Median time of all test images.
    one_ms : float, optional
        Median time of one image.
    """

    net: str
    name: str
    control: str
    percent: float
    macs: int
    parameters: int
    file_bytes: int
    seconds: float
    one_ms: float | None = None


def rows(title: str, contest: Contest, controls: dict[str, str]) -> list[Row]:
    """Return a net's rows, the original's first; SettingError where a control is not among them."""
    bars = {bar.title: bar for bar in fused_networks(contest)}
    for name, control in controls.items():
        if not {name, control} <= set(bars):
            raise SettingError(f"no form is called so; those: {', '.join(bars)}", where=f"--control {name}={control}")
    return [row(title, bar, controls.get(name, "")) for name, bar in bars.items()]


def row(title: str, bar: Bar, control: str) -> Row:
    """Return the row of a bar."""
    file_bytes = Path(bar.result.net).with_suffix(".caffemodel").stat().st_size
    percent = bar.result.contest.counted.percent
    latency = bar.result.contest.latency
    numbers = bar.net_macs, bar.parameters, file_bytes, bar.seconds, latency and latency.p50_ms
    return Row(title, bar.title, control, percent, *numbers)


COLUMNS = (
    "form", "top-1, %", "against the original", "against its control", "MACs removed", "parameters removed",
    "caffemodel, MB", "of the original's", "time, ms", "factor", "one image, ms",
)  # fmt: skip


def section(found: Sequence[Row]) -> Section:
    """Return the table of one net."""
    first, by_name = found[0], {each.name: each for each in found}
    shown = []
    for each in found:
        control = by_name.get(each.control)
        shown.append(
            (
                each.name if control is None else f"{each.name} (control: {control.name})",
                f"{each.percent:.2f}",
                "" if each is first else f"{each.percent - first.percent:+.2f}",
                "" if control is None else f"{each.percent - control.percent:+.2f}",
                f"{1 - each.macs / first.macs:.1%}",
                f"{1 - each.parameters / first.parameters:.1%}",
                f"{each.file_bytes / 1e6:.3f}",
                f"{each.file_bytes / first.file_bytes:.1%}",
                f"{1e3 * each.seconds:.0f}",
                f"{first.seconds / each.seconds:.2f}x",
                "" if each.one_ms is None else f"{each.one_ms:.2f}",
            )
        )
    return Section(first.net, COLUMNS, tuple(shown))


def draw(nets: Sequence[Sequence[Row]], stem: Path) -> list[Path]:
    """Write points, size and time against the original as bars, one group a net; return the files."""
    written = [stem.with_suffix(suffix) for suffix in SUFFIXES]
    panels = (
        ("top-1, points against the original", lambda each, first: each.percent - first.percent),
        ("caffemodel, % of the original", lambda each, first: 100 * each.file_bytes / first.file_bytes),
        ("time, % of the original", lambda each, first: 100 * each.seconds / first.seconds),
    )
    with figure(written, SIZE) as drawing:
        for place, (label, value) in enumerate(panels, start=1):
            values = [{each.name: value(each, found[0]) for each in found[1:]} for found in nets]
            _bars(drawing.add_subplot(1, len(panels), place), values, [found[0].net for found in nets], label)
    return written


def _bars(axes: "Axes", values: Sequence[dict[str, float]], nets: Sequence[str], label: str) -> None:
    """Draw a group of bars for each net, and name the forms."""
    names = list(dict.fromkeys(name for each in values for name in each))
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        at = [number + (place + 0.5) * width - 0.4 for number, each in enumerate(values) if name in each]
        axes.bar(at, [each[name] for each in values if name in each], width=width, label=name)
    axes.set_xticks(range(len(nets)), [net.replace(", ", "\n") for net in nets], fontsize=8)
    axes.axhline(0, color="black", linewidth=0.5)
    finish(axes, "", label)


def compare(args: argparse.Namespace, output: Output) -> None:
    """Write the files and print the tables."""
    documents = {name: read(args.folder / name / "times.json") for name, _ in args.net}
    contests = {name: Contest.read(document) for name, document in documents.items()}
    controls = dict(args.control)
    nets = [rows(title, contests[name], controls) for name, title in args.net]
    tables = [section(found) for found in nets]
    steps = [steps_section(args.folder / name, f"Steps of {title}") for name, title in args.net]
    first = next(iter(contests.values()))
    images = first.bars[0]
    cpu = next(iter(documents.values()))["machine"]["cpu"]
    head = f"{images.images} images of {images.result.data}; times: median of {first.rounds} rounds in turn; {cpu}."
    text = "\n".join([f"# {args.title}", "", head, "", *(each.markdown() for each in (*tables, *steps))])
    stem = args.folder / "against"
    written = [stem.with_suffix(".md"), stem.with_suffix(".json")]
    write_atomically(written[0], f"{text}\n![What each form costs and gains](against.svg)\n".encode())
    document = {"xdn": __version__, "cpu": cpu, "rows": [asdict(each) for found in nets for each in found]}
    write_atomically(written[1], json.dumps(document, indent=2).encode())
    written += draw(nets, stem)
    output.result(*(each.table() for each in tables))
    output.log(f"written: {', '.join(map(str, written))}")


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and compare."""
    parser = new_parser("against.py", __doc__ or "")
    parser.add_argument("folder", type=Path, metavar="DIR", help="the work folder of the reproduction")
    parser.add_argument(
        "--net", type=named, action="append", required=True, metavar="NAME=TITLE",
        help="a net whose steps are in DIR/NAME (.: in DIR itself), and what it is called",
    )  # fmt: skip
    parser.add_argument(
        "--control", type=named, action="append", default=[], metavar="NAME=CONTROL",
        help="a form, and the one that was trained for as long without what is tried",
    )  # fmt: skip
    parser.add_argument(
        "--title", default="Forms of nets, beside controls that were trained as long", help="of the page"
    )
    return run_command(parser, compare, argv)


if __name__ == "__main__":
    sys.exit(program("against.py", main))
