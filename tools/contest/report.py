#!/usr/bin/env python3
"""Make the tables and drawings of a reproduction out of what its steps wrote.

    python tools/contest/report.py build/contest

Reads DIR/times.json and DIR/steps/*.json, writes DIR/report.md and DIR/report.json, and where there is a waterfall
DIR/waterfall.png and DIR/waterfall.svg.
"""

import argparse
import json
import sys
from pathlib import Path

from xdn import settings
from xdn.cli.common import Output, new_parser, run_command
from xdn.cli.entry import program
from xdn.errors import ParseError
from xdn.evaluate.bars import Contest
from xdn.files import read_json, write_atomically
from xdn.report.contest import INT8, contest_markdown, fused_networks, sections, waterfall
from xdn.report.section import Section
from xdn.report.waterfall import draw


def steps_section(folder: Path, title: str = "Steps") -> Section:
    """Return the table of what the steps did, in the order in which they ended."""
    paths = sorted((folder / "steps").glob("*.json"), key=lambda path: path.stat().st_mtime)
    rows = [(step["step"], step["about"], f"{step['seconds']:.1f}") for step in map(read, paths)]
    return Section(title, ("step", "what it did", "seconds"), tuple(rows))


def sizes_section(folder: Path, contest: Contest) -> Section:
    """Return how many bytes the weights of each network take on disk; of networks in `folder` that are still there."""
    bars = [*fused_networks(contest), *(bar for bar in contest.bars if bar.key == INT8)]
    rows, first = [], 0
    for bar in bars:
        net = Path(bar.result.net)
        weights = folder / net.parent.name / f"{net.stem}.caffemodel"
        if weights.is_file():
            size = weights.stat().st_size
            first = first or size
            accuracy = f"{bar.result.contest.counted.percent:.2f}"
            rows.append((net.parent.name, f"{1e-6 * size:.2f}", f"{size / first:.3f}", accuracy))
    return Section("Weights on disk", ("network", "caffemodel, MB", "of the original", "top-1, %"), tuple(rows))


def report(args: argparse.Namespace, output: Output) -> None:
    """Write the files and print the tables."""
    document = read(args.folder / "times.json")
    contest, machine = Contest.read(document), document["machine"]
    added = [sizes_section(args.folder, contest), steps_section(args.folder)]
    place = f"{machine['cpu']}, {machine['system']}, Python {machine['python']}, XDN {document['xdn']}"
    text = f"# {args.title}\n\n{contest_markdown(contest, place)}\n"
    text += "\n".join(section.markdown() for section in added)
    if waterfall(contest):
        text += "\n![waterfall](waterfall.svg)\n"
        for path in draw(contest, args.folder / "waterfall"):
            output.log(f"written: {path}")
    write_atomically(args.folder / "report.md", text.encode())
    tables = {section.title: [dict(zip(section.columns, row, strict=True)) for row in section.rows] for section in
              (*sections(contest), *added)}  # fmt: skip
    write_atomically(args.folder / "report.json", json.dumps(document | {"tables": tables}, indent=2).encode())
    output.result(*(section.table() for section in (*sections(contest), *added)))
    output.log(f"written: {args.folder / 'report.md'}, {args.folder / 'report.json'}")


def read(path: Path) -> dict:
    """Return a result's JSON; raise ParseError where it is none."""
    found = read_json(path, settings.MAX_RESULT_BYTES)
    if not isinstance(found, dict):
        raise ParseError("this is not a result", where=str(path), mend="Delete it, and run the step again")
    return found


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments and report."""
    parser = new_parser("report.py", __doc__ or "")
    parser.add_argument("folder", type=Path, metavar="DIR", help="the work folder of the reproduction")
    parser.add_argument("--title", default="The contest, reproduced", help="of the report")
    return run_command(parser, report, argv)


if __name__ == "__main__":
    sys.exit(program("report.py", main))
