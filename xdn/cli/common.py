"""What every command shares: output, errors and exit codes."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from math import ulp
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from xdn import __version__, memory, settings
from xdn.codegen.listening import listening
from xdn.errors import SettingError, XdnError
from xdn.files import about, check_folder, exists, is_folder, write_atomically
from xdn.report.section import table
from xdn.visible import visible

T = TypeVar("T", int, float)

#: Width of tables that go into a file or a pipe: wide enough that no name is broken.
PIPE_COLUMNS = 240

EPILOG = "exit codes: 0 ok, 1 an error in what was given, 2 usage, 3 a check failed, 130 interrupted"


class _Console(Console):
    """A console that takes text for nothing but text: no markup, no emoji, nothing that a terminal would obey."""

    def __init__(self, **options: Any):
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return what is printed for a text, which may be a cell of a table."""
        return super().render_str(visible(text), **options)


class Output:
    """Where a command writes: results and reports to stdout, log and progress to stderr.

    A result is what the command was asked for; a report says what it did on the way, and which files it wrote.

    A text is one line: of names that others chose, what a terminal would obey is printed as an escape. JSON keeps it.

    Parameters
    ----------
    json_target : str or None
        A file, ``"-"`` for stdout (the text result is then left out), None for no JSON.
    quiet : bool
        Drop reports, log and progress.
    program : str
        The command's name.
    arguments : sequence of str
        As they were given.
    """

    def __init__(
        self, json_target: str | None = None, quiet: bool = False, program: str = "", arguments: Sequence[str] = ()
    ):
        self.json_target, self.quiet = json_target, quiet
        self._program, self._arguments = program, arguments
        piped = not sys.stdout.isatty()
        self._stdout = _Console(soft_wrap=piped, width=PIPE_COLUMNS if piped else None)
        self._stderr = _Console(stderr=True, soft_wrap=True)

    def result(self, *renderables: Any, wide: bool = False) -> None:
        """Print part of the result, rich renderables or text, unless stdout holds the JSON; `wide` as into a pipe."""
        if self.json_target != "-":
            console = _Console(soft_wrap=True, width=PIPE_COLUMNS) if wide else self._stdout
            for renderable in renderables:
                with _on_stdout():
                    console.print(renderable)

    def report(self, *renderables: Any) -> None:
        """Print what was done as `result` does, unless --quiet."""
        if not self.quiet:
            self.result(*renderables)

    def log(self, text: str) -> None:
        """Print a line about what is going on."""
        if not self.quiet:
            self._stderr.print(text)

    def write_json(self, document: dict[str, Any], kind: str) -> None:
        """Write the machine-readable result where `--json` asked for it, as `xdn.result/1`; `kind` as in `origin`."""
        if self.json_target is None:
            return
        # Imports what makes code, which a command without --json may do without.
        from xdn.evaluate.origin import origin

        whole = origin(kind, self._program, self._arguments) | document
        text = json.dumps(whole, indent=2, allow_nan=False) + "\n"
        if self.json_target == "-":
            with _on_stdout():
                sys.stdout.write(text)
                sys.stdout.flush()
        else:
            write_atomically(Path(self.json_target), text.encode())

    def progress(self, *columns: ProgressColumn) -> Progress:
        """Return a progress bar on stderr, silent where stderr is not a terminal or with --quiet."""
        if not columns:
            counted = MofNCompleteColumn()
            columns = TextColumn("{task.description}", markup=False), BarColumn(), counted, TimeRemainingColumn()
        hidden = self.quiet or not self._stderr.is_terminal
        return Progress(*columns, console=self._stderr, disable=hidden, transient=True)


@contextmanager
def _on_stdout() -> Iterator[None]:
    """Let an OSError name where it was written to, and keep Python from writing there once more as it ends."""
    try:
        with about(Path("standard output")):
            yield
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


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


@contextmanager
def preparing_shown(output: Output) -> Iterator[None]:
    """Show a bar while kernels compile or the machine is measured, as the first time that a machine runs a net."""
    bar: Progress | None = None
    with ExitStack() as bars:

        def show(doing: str, done: int, total: int) -> None:
            nonlocal bar
            if bar is None:
                bar = bars.enter_context(output.progress())
                bar.add_task("", total=total)
            bar.update(bar.task_ids[0], description=doing, completed=done, refresh=True)
            if done == total:
                bars.close()
                bar = None

        with listening(show):
            yield


def list_registries(output: Output, found: Mapping[str, Sequence[tuple[str, str]]]) -> None:
    """Print what can be chosen, a table a registry: kind -> names and what they are."""
    output.result(*(table((kind, "what it is"), described) for kind, described in found.items()))
    output.write_json({kind: dict(described) for kind, described in found.items()}, "registries")


def given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return the options of these names that are given, by their names, which are those of what they set."""
    return {name: value for name in names if (value := getattr(args, name, None)) is not None}


def check_company(args: argparse.Namespace, needs: Mapping[str, Sequence[str]]) -> None:
    """Raise UsageError where an option is given that says nothing without one of others, and none of these is.

    Parameters
    ----------
    args : argparse.Namespace
        An option that is not given is None there.
    needs : mapping
        Attribute of an option -> those of the others.
    """
    for name, others in needs.items():
        if given(args, name) and not given(args, *others):
            raise UsageError(f"{_flag(name)} is for {' and '.join(map(_flag, others))}")


def _flag(name: str) -> str:
    """Return the option whose attribute is called so."""
    return f"--{name.replace('_', '-')}"


def shown(bar: Progress, description: str) -> Callable[[int, int], None]:
    """Return a callback (done, in all) that drives a new line of `bar`, shown from its first call on."""
    task = bar.add_task(visible(description), total=None, visible=False)
    return lambda done, total: bar.update(task, completed=done, total=total or None, visible=True)


def positive_int(text: str) -> int:
    """Return an option's text as a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def number_between(text: str, kind: Callable[[str], T], least: T, most: T, what: str) -> T:
    """Return an option's text as a number from `least` to `most`; `what` says what it should have been."""
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return value


def positive_float(text: str) -> float:
    """Return an option's text as a number above 0."""
    return number_between(text, float, ulp(0.0), sys.float_info.max, "a positive number")


def result_file(text: str) -> Path:
    """Return the path of a file to write; one that cannot be written is refused before the work rather than after."""
    path = _file(text)
    if not is_folder(path.parent):
        raise argparse.ArgumentTypeError(f"{text!r}: there is no folder {str(path.parent)!r}")
    if not exists(path) and not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text!r}: the folder {str(path.parent)!r} cannot be written")
    return path


def file_in_folder(text: str) -> Path:
    """Return the path of a file to write, whose folder is made where it is not there; refused as `result_folder`."""
    path = _file(text)
    result_folder(str(path.parent))
    return path


def _file(text: str) -> Path:
    """Return an option's text as the path of a file."""
    path = Path(text)
    if not text or is_folder(path):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a file")
    return path


def result_folder(text: str) -> Path:
    """Return the path of a folder to write into, made where it is not there; refused where that cannot be."""
    try:
        check_folder(Path(text))
    except SettingError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return Path(text)


def _memory_size(text: str) -> int:
    """Return an option's text, such as 8G, in bytes."""
    try:
        return memory.parsed_size(text)
    except SettingError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def json_target(text: str) -> str:
    """Return the text of --json, which is checked as `result_file` does."""
    return text if text == "-" else str(result_file(text))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(visible(message))


def new_parser(prog: str, doc: str) -> argparse.ArgumentParser:
    """Return a parser whose help is the command's docstring, with the options that all commands have."""
    summary, _, rest = doc.partition("\n\n")
    as_written, epilog = argparse.RawDescriptionHelpFormatter, "\n\n".join((rest.strip("\n"), EPILOG))
    parser = _Parser(prog=prog, description=summary, epilog=epilog, formatter_class=as_written)
    parser.add_argument(
        "--json", type=json_target, metavar="FILE", help="write the result as JSON to FILE ('-': stdout)"
    )
    parser.add_argument(
        "--quiet", action="store_true",
        help="print results that were asked for and errors only: no reports, log or progress bars",
    )  # fmt: skip
    parser.add_argument(
        "--max-memory", type=_memory_size, metavar="SIZE",
        help="refuse a net that takes more memory, such as 8G (default: XDN_MEMORY, else "
        f"{settings.MEMORY_SHARE:.0%} of what the machine or the control group has)".replace("%", "%%"),
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


class UsageError(Exception):
    """Options that do not say what a command is to do; it ends as argparse does, with its usage and this message."""


def run_command(
    parser: argparse.ArgumentParser, command: Callable[[argparse.Namespace, Output], int | None], argv: list[str] | None
) -> int:
    """Parse `argv`, run `command`, and return the exit code; an error of what was given becomes one message on stderr.

    Ctrl-C, and too little memory, are left to the entry, which meets them earlier, too.
    """
    args = parser.parse_args(argv)
    given_arguments = sys.argv[1:] if argv is None else argv
    output = Output(args.json, args.quiet, parser.prog, given_arguments)
    try:
        with _logging_to(output), preparing_shown(output), memory.limited(args.max_memory):
            return command(args, output) or 0
    except UsageError as error:
        parser.error(str(error))
    except XdnError as error:
        message, code = str(error), error.exit_code
    except OSError as error:
        message, code = f"{error.filename or 'system'}: {error.strerror or error}", 1
    print(f"{parser.prog}: error: {visible(message)}", file=sys.stderr)
    return code
