"""Where programs begin: the console scripts import everything late, so that Ctrl-C is answered from the first moment.

The import of a command may fail at an environment flag, `XDN_TARGET`, or for want of memory. Whatever Ctrl-C meets, an
interrupted command says so in one line, leaves no unfinished file, and ends with 130.
"""

import sys

from xdn.cli.interrupts import EXIT_INTERRUPTED, Interrupts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def program(name: str, main: "Callable[[], int]") -> int:
    """Run `main` of a program called `name`; return its exit code, with one line on stderr where it ended badly."""
    interrupts = Interrupts(name)
    try:
        interrupts.answer()
        code = _exit_code(name, main)
        # From here on there is nothing to interrupt; the interpreter's own end would answer with a traceback.
        interrupts.ignore()
    except BaseException as error:
        # A library may have made another error of the interrupt, such as an import that failed.
        if not (interrupts.asked or isinstance(error, KeyboardInterrupt)):
            interrupts.ignore()
            raise
        interrupts.asked = True
    if not interrupts.asked:
        return code
    interrupts.ignore()
    interrupts.tell()
    return EXIT_INTERRUPTED


def _exit_code(name: str, main: "Callable[[], int]") -> int:
    from xdn.cli import memory
    from xdn.errors import XdnError
    from xdn.visible import visible

    try:
        memory.check_limit()
        return main()
    except Exception as error:
        said = str(error) if isinstance(error, XdnError) else memory.lack(error)
        if said is None:
            raise
        print(f"{name}: error: {visible(said)}", file=sys.stderr)
        return error.exit_code if isinstance(error, XdnError) else 1


def _command(module: str) -> "Callable[[], int]":
    """Return what imports and runs the command in `xdn.cli.<module>`, and returns its exit code."""

    def main() -> int:
        """Import and run it."""
        from importlib import import_module

        return int(import_module(f"xdn.cli.{module}").main())

    return lambda: program(f"xdn-{module}", main)


def summary(name: str) -> str:
    """Return the first line of what the command called `name` says of itself; nothing of it is imported."""
    import ast
    from pathlib import Path

    said = ast.get_docstring(ast.parse(Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8"))) or ""
    return said.partition("\n")[0]


#: Each is a console script, `xdn-inspect` and so on.
COMMANDS = ("completion", "inspect", "optimize", "pack", "report", "run", "serve", "train", "tune")
completion, inspect, optimize, pack, report, run, serve, train, tune = map(_command, COMMANDS)
