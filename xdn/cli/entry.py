"""Where the console scripts begin: import a command late, so that Ctrl-C is answered from the first moment.

The import itself may fail at an environment flag, `XDN_ISA`.
"""

import sys
from importlib import import_module

from xdn.errors import XdnError

EXIT_INTERRUPTED = 130


def _command(module: str) -> int:
    """Import and run the command in `xdn.cli.<module>`; return its exit code."""
    try:
        return int(import_module(f"xdn.cli.{module}").main())
    except XdnError as error:
        print(f"xdn-{module}: error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"xdn-{module}: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def inspect() -> int:
    """Run `xdn-inspect`."""
    return _command("inspect")


def optimize() -> int:
    """Run `xdn-optimize`."""
    return _command("optimize")


def pack() -> int:
    """Run `xdn-pack`."""
    return _command("pack")


def run() -> int:
    """Run `xdn-run`."""
    return _command("run")


def train() -> int:
    """Run `xdn-train`."""
    return _command("train")


def tune() -> int:
    """Run `xdn-tune`."""
    return _command("tune")
