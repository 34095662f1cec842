"""`python -m xdn` lists the commands, and `python -m xdn run ...` is `xdn-run ...`, for a checkout not installed."""

import sys

from xdn.cli import entry
from xdn.version import VERSION

_USAGE = "usage: python -m xdn COMMAND ...    (COMMAND --help explains one)"


def main() -> int:
    """Run the command that the first argument names, or list all; return the exit code."""
    name = sys.argv.pop(1) if len(sys.argv) > 1 else "--help"
    if name in entry.COMMANDS:
        return int(getattr(entry, name)())
    if name == "--version":
        print(f"xdn {VERSION}")
        return 0
    asked = name in ("-h", "--help")
    print(_commands(), file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


def _commands() -> str:
    """Return a line a command: its name, and what it does."""
    width = max(map(len, entry.COMMANDS))
    rows = (f"  {name:{width}}  {entry.summary(name)}" for name in entry.COMMANDS)
    return "\n".join((_USAGE, "", *rows))


if __name__ == "__main__":
    sys.exit(main())
