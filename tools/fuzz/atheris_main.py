#!/usr/bin/env python3
"""Fuzz one reader with Atheris, which is guided by coverage.

    python -m tools.fuzz.atheris_main TARGET [CORPUS] [-runs=N]

Atheris is not a dependency of XDN: pip install atheris. Options after the target are libFuzzer's; a corpus folder is
filled with the target's seeds first.
"""

import importlib
import logging
import sys
from pathlib import Path
from typing import Any

from xdn.errors import MissingExtraError, SettingError, XdnError


def _atheris() -> Any:
    try:
        return importlib.import_module("atheris")
    except ImportError:
        what = "this way of fuzzing needs Atheris, which is not installed"
        raise MissingExtraError(what, mend="Run: pip install atheris; or use python -m tools.fuzz.run") from None


def start(argv: list[str]) -> None:
    """Hand the target to Atheris, which does not return.

    Raises
    ------
    MissingExtraError
        Without Atheris.
    SettingError
        For a target that does not exist.
    """
    atheris = _atheris()
    with atheris.instrument_imports(include=["xdn"]):
        from tools.fuzz.targets import TARGETS
    if len(argv) < 2 or argv[1] not in TARGETS:
        raise SettingError("the first argument is not a target", mend=f"Known: {', '.join(TARGETS)}")
    target, options = TARGETS[argv[1]], argv[2:]
    for folder in [Path(option) for option in options if not option.startswith("-")][:1]:
        folder.mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(target.seeds()):
            (folder / f"seed-{number}").write_bytes(content)
    logging.disable(logging.CRITICAL)

    def one(content: bytes) -> None:
        target.accepts(content)

    atheris.Setup([argv[0], *options], one)
    atheris.Fuzz()


def main(argv: list[str]) -> int:
    """Fuzz; return 1 where that cannot begin."""
    try:
        start(argv)
    except XdnError as error:
        print(f"atheris_main: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
