"""Where the console scripts begin: import a command late, so that Ctrl-C is answered from the first moment."""

import sys
from importlib import import_module

EXIT_INTERRUPTED = 130


def _command(module: str) -> int:
    """Import and run the command in `xdn.cli.<module>`; return its exit code."""
    try:
        return int(import_module(f"xdn.cli.{module}").main())
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
