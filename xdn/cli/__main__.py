"""`python -m xdn.cli run ...` is `xdn-run ...`, for a checkout that is not installed."""

import sys

from xdn.cli import entry


def main() -> int:
    """Run the command that the first argument names; return its exit code."""
    name = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    if name not in entry.COMMANDS:
        print(f"usage: python -m xdn.cli {{{','.join(entry.COMMANDS)}}} ...", file=sys.stderr)
        return 2
    return int(getattr(entry, name)())


if __name__ == "__main__":
    sys.exit(main())
