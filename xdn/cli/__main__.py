"""`python -m xdn.cli run ...` is `xdn-run ...`, for a checkout that is not installed."""

import sys
from inspect import isfunction, signature

from xdn.cli import entry


def main() -> int:
    """Run the command that the first argument names; return its exit code."""
    found = {name: each for name, each in vars(entry).items() if isfunction(each) and each.__module__ == entry.__name__}
    # A console script takes nothing; `entry.program`, with which others begin, takes parameters.
    commands = {name: each for name, each in found.items() if name[0] != "_" and not signature(each).parameters}
    name = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    if name not in commands:
        print(f"usage: python -m xdn.cli {{{','.join(sorted(commands))}}} ...", file=sys.stderr)
        return 2
    return int(commands[name]())


if __name__ == "__main__":
    sys.exit(main())
