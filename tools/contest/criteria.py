#!/usr/bin/env python3
"""Set beside each other what pruning criteria cost: accuracy on the test set before and after fine-tuning.

    python tools/contest/criteria.py build/criteria --stem resnet20 --data cifar10 l1 l2 random-0 random-1 control

DIR/original holds the net, DIR/pruned-NAME and DIR/NAME what NAME made of it, before and after training. Names that
differ in a number at the end only are seeds of one criterion: the mean and the smallest and greatest value are shown.
Writes DIR/criteria.md and DIR/criteria.json.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

from report import steps_section

from xdn import api
from xdn.cli.common import Output, new_parser, run_command
from xdn.cli.entry import program
from xdn.data import find_dataset
from xdn.data.dataset import Dataset
from xdn.evaluate.accuracy import measured
from xdn.evaluate.answers import answers
from xdn.files import write_atomically
from xdn.graph import Net
from xdn.graph.cost import net_cost
from xdn.optimize.pipeline import optimize
from xdn.report.quantities import count
from xdn.report.section import Section
from xdn.session import Session

_SEED = re.compile(r"-\d+$")


@dataclass(frozen=True)
class Entry:
    """One pruned net: top-1 on the test set in percent before (None: not pruned) and after training, and its size."""

    name: str
    before: float | None
    after: float
    macs: int
    parameters: int

    @property
    def criterion(self) -> str:
        """The name without its seed."""
        return _SEED.sub("", self.name)


def percent(net: Net, data: Dataset) -> float:
    """Return the top-1 accuracy of a net over a data set, fused, in percent."""
    transform = api.pixel_transform(net, data.shape, data.channel_order)
    with closing(Session(optimize(net).net)) as session:
        found = answers(session, data.images(), transform)
    return measured(data.labels, found.classes, found.scores, data.classes).percent


def entry(folder: Path, name: str, stem: str, data: Dataset) -> Entry:
    """Return what the nets of `name` reach on the test set; NetError where the trained one is not there."""
    before, after = folder / f"pruned-{name}" / f"{stem}.prototxt", _net(folder / name / f"{stem}.prototxt")
    cost = net_cost(after.with_batch(1))
    first = percent(_net(before), data) if before.is_file() else None
    return Entry(name, first, percent(after, data), cost.macs, cost.parameters)


def _net(path: Path) -> Net:
    return api.load(path, path.with_suffix(".caffemodel"))


def section(original: float, entries: Sequence[Entry]) -> Section:
    """Return a row for each criterion, the best after fine-tuning first."""
    groups: dict[str, list[Entry]] = {}
    for each in entries:
        groups.setdefault(each.criterion, []).append(each)
    ranked = sorted(groups.items(), key=lambda item: -mean(each.after for each in item[1]))
    rows = []
    for name, found in ranked:
        before = [each.before for each in found if each.before is not None]
        shown = (_shown(before) if before else "-", _shown([each.after for each in found]))
        lost = f"{mean(each.after for each in found) - original:+.2f}"
        rows.append((name, *shown, lost, count(found[0].macs), count(found[0].parameters)))
    columns = ("criterion", "before fine-tuning, %", "after, %", "points", "MACs", "parameters")
    return Section("Criteria", columns, tuple(rows))


def _shown(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{mean(values):.2f} ({min(values):.2f} to {max(values):.2f}, {len(values)} seeds)"


def compare(args: argparse.Namespace, output: Output) -> None:
    """Write the files and print the table."""
    data = find_dataset(args.data)
    original = percent(_net(args.folder / "original" / f"{args.stem}.prototxt"), data)
    entries = []
    for name in args.names:
        output.log(f"{name}: tested")
        entries.append(entry(args.folder, name, args.stem, data))
    found = section(original, entries)
    steps = steps_section(args.folder)
    head = f"{args.stem}: {original:.2f} % of {len(data)} test images of {data.title} before pruning."
    text = f"# Pruning criteria compared\n\n{head}\n\n{found.markdown()}\n{steps.markdown()}"
    write_atomically(args.folder / "criteria.md", text.encode())
    document = {"net": args.stem, "data": data.title, "original": original, "entries": [asdict(e) for e in entries]}
    write_atomically(args.folder / "criteria.json", json.dumps(document, indent=2).encode())
    output.result(found.table())
    output.log(f"written: {args.folder / 'criteria.md'}, {args.folder / 'criteria.json'}")


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and compare."""
    parser = new_parser("criteria.py", __doc__ or "")
    parser.add_argument("folder", type=Path, metavar="DIR", help="the work folder of the comparison")
    parser.add_argument("names", nargs="+", metavar="NAME", help="a criterion, or one with its seed")
    parser.add_argument("--stem", required=True, metavar="NAME", help="of the nets' files")
    parser.add_argument("--data", required=True, metavar="DATA", help="the data set whose test images are taken")
    return run_command(parser, compare, argv)


if __name__ == "__main__":
    sys.exit(program("criteria.py", main))
