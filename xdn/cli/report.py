"""Make a report of results: one page to look at, or the same rows in a terminal, as CSV, or as a trace.

A result is what a command wrote with --json, or the log of a training (.jsonl). Several runs are compared, the last one
with the first.

  xdn-run net.prototxt --profile --json run.json
  xdn-report run.json                                    here, in the terminal
  xdn-report run.json -o report.html                     one file that needs no network
  xdn-report before.json after.json -o report.html --lang zh
  xdn-report run.json optimize.json net.log.jsonl -o report.html
  xdn-report run.json -o layers.csv                      the rows of one section, by default those of the layers
  xdn-report run.json -o trace.json                      for ui.perfetto.dev: a row a thread, a slice a layer

The suffix of -o, .html, .csv or .json, says which. Sections appear where the results have what they show.
"""

import argparse
import json
from pathlib import Path

from xdn.cli.common import Output, UsageError, list_registries, new_parser, result_file, run_command
from xdn.errors import DataError, SettingError
from xdn.files import write_atomically
from xdn.report.page.results import Results
from xdn.report.page.section import SECTIONS
from xdn.report.page.sheet import sheet
from xdn.report.page.terminal import view
from xdn.report.page.words import EN, LANGUAGES, Words
from xdn.report.reading import read_result
from xdn.report.trace import profile_trace


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    made = new_parser("xdn-report", __doc__)
    made.add_argument("results", nargs="*", type=Path, metavar="RESULT", help="files that --json wrote, or logs")
    made.add_argument("-o", "--output", type=result_file, metavar="FILE", help="a .html, .csv or .json")
    made.add_argument("--lang", choices=LANGUAGES, default=EN, help=f"default: {EN}")
    made.add_argument("--section", default="layers", metavar="NAME", help="of CSV (default: layers; --list)")
    made.add_argument("--list", action="store_true", help="print all sections, and end")
    return made


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run_command(parser(), _run, argv)


def _run(args: argparse.Namespace, output: Output) -> None:
    if args.list:
        list_registries(output, {SECTIONS.kind: SECTIONS.describe()})
        return
    if not args.results:
        raise UsageError("name a RESULT, or --list")
    results = Results.of([(path, read_result(path)) for path in args.results])
    words = Words(args.lang)
    if args.output is None:
        output.result(*view(results, words))
        return
    if args.output.resolve() in {path.resolve() for path in args.results}:
        raise SettingError(f"the output would overwrite {args.output}", where="-o", mend="Name another file")
    write_atomically(args.output, _text(args, results, words).encode())
    output.report(f"written: {args.output}")


def _text(args: argparse.Namespace, results: Results, words: Words) -> str:
    """Return what is written, by the suffix of the file."""
    suffix = args.output.suffix.lower()
    if suffix in (".html", ".htm"):
        # Imports the engine of templates, which the other forms do without.
        from xdn.report.page.render import html

        return html(results, words)
    if suffix == ".csv":
        return sheet(results, words, args.section)
    if suffix == ".json":
        return json.dumps(_trace(results)) + "\n"
    raise SettingError(
        f"{suffix!r} is not a kind of report", where=str(args.output), mend="Name a .html, .csv or .json"
    )


def _trace(results: Results) -> dict[str, object]:
    """Return the trace of the last profiled run."""
    profiled = [run for _, run in results.runs if run.profile]
    if not profiled:
        raise DataError("the results have no profile", mend="Make it with xdn-run --profile")
    profile = profiled[-1].profile
    assert profile is not None
    return profile_trace(profile, f"{profiled[-1].net}, {profile.images} images")
