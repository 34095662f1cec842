"""What every command shares: output, errors and exit codes."""

import argparse
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from xdn import __version__
from xdn.cli.entry import EXIT_INTERRUPTED
from xdn.errors import XdnError
from xdn.files import write_atomically

#: Width of tables that go into a file or a pipe: wide enough that no name is broken.
PIPE_COLUMNS = 240

EPILOG = "exit codes: 0 ok, 1 an error in what was given, 2 usage, 3 a check failed, 130 interrupted"


class Output:
    """Where a command writes: the result to stdout, log and progress to stderr.

    Parameters
    ----------
    json_target : str or None
        A file, ``"-"`` for stdout (the text result is then left out), None for no JSON.
    quiet : bool
        Drop log and progress.
    """

    def __init__(self, json_target: str | None = None, quiet: bool = False):
        self.json_target, self.quiet = json_target, quiet
        piped = not sys.stdout.isatty()
        self._stdout = Console(highlight=False, soft_wrap=piped, width=PIPE_COLUMNS if piped else None)
        self._stderr = Console(stderr=True, highlight=False, soft_wrap=True)

    def result(self, *renderables: Any) -> None:
        """Print part of the result, rich renderables or text, unless stdout holds the JSON."""
        if self.json_target != "-":
            for renderable in renderables:
                self._stdout.print(renderable, markup=False)

    def log(self, text: str) -> None:
        """Print a line about what is going on."""
        if not self.quiet:
            self._stderr.print(text, markup=False)

    def write_json(self, document: dict[str, Any]) -> None:
        """Write the machine-readable result where `--json` asked for it."""
        if self.json_target is None:
            return
        text = json.dumps(document, indent=2, allow_nan=False) + "\n"
        if self.json_target == "-":
            sys.stdout.write(text)
        else:
            write_atomically(Path(self.json_target), text.encode())

    def progress(self) -> Progress:
        """Return a progress bar on stderr, silent where stderr is no terminal or with --quiet."""
        return self.progress_of(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        )

    def progress_of(self, *columns: ProgressColumn) -> Progress:
        """Return a progress bar as `progress` does, of other columns."""
        hidden = self.quiet or not self._stderr.is_terminal
        return Progress(*columns, console=self._stderr, disable=hidden, transient=True)


class _LogLines(logging.Handler):
    """Makes log records lines of a command's log."""

    def __init__(self, output: Output):
        super().__init__(logging.WARNING)
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        self._output.log(f"{record.levelname.lower()}: {record.getMessage()}")


@contextmanager
def _logging_to(output: Output) -> Iterator[None]:
    """Let `output` print what the loggers of `xdn` say; Python's last resort would print it despite --quiet."""
    logger, handler = logging.getLogger("xdn"), _LogLines(output)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def shown(bar: Progress, description: str) -> Callable[[int, int], None]:
    """Return a callback (done, in all) that drives a new line of `bar`, shown from its first call on."""
    task = bar.add_task(description, total=None, visible=False)
    return lambda done, total: bar.update(task, completed=done, total=total or None, visible=True)


def positive_int(text: str) -> int:
    """Return an option's text as a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def json_target(text: str) -> str:
    """Return the text of --json; a folder is refused before the work rather than after it."""
    if text != "-" and Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a file")
    return text


def new_parser(prog: str, doc: str) -> argparse.ArgumentParser:
    """Return a parser whose help is the command's docstring, with the options that all commands have."""
    summary, _, rest = doc.partition("\n\n")
    parser = argparse.ArgumentParser(
        prog=prog,
        description=summary,
        epilog=f"{rest.strip()}\n\n{EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--json", type=json_target, metavar="FILE", help="write the result as JSON to FILE ('-': stdout)"
    )
    parser.add_argument("--quiet", action="store_true", help="no log and no progress bars")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def run_command(
    parser: argparse.ArgumentParser,
    command: Callable[[argparse.Namespace, Output], int | None],
    argv: list[str] | None,
) -> int:
    """Parse `argv`, run `command`, and return the exit code; an XdnError becomes one message on stderr."""
    args = parser.parse_args(argv)
    output = Output(args.json, args.quiet)
    try:
        with _logging_to(output):
            return command(args, output) or 0
    except XdnError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"{parser.prog}: error: {error.filename or 'system'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{parser.prog}: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
