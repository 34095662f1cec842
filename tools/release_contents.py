#!/usr/bin/env python3
"""Check what a wheel and a source distribution hold: all that git has of the package and the networks, nothing else.

usage: release_contents.py WHEEL SDIST
"""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: What an installation has beside the package: where the networks lie in the repository, and in the package.
SHIPPED = "prototxt/", "xdn/shipped/"
#: What a source distribution has beside that.
SOURCES = {"CHANGELOG.md", "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py"}


def expected() -> set[str]:
    """Return the files of an installation, by their places in the repository."""
    found = subprocess.run(
        ["git", "ls-files", "xdn", "prototxt"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return set(found)


def of_wheel(path: Path) -> set[str]:
    """Return the files of a wheel, by their places in the repository; its own metadata left out."""
    with zipfile.ZipFile(path) as wheel:
        names = (name for name in wheel.namelist() if ".dist-info/" not in name)
        return {name.replace(SHIPPED[1], SHIPPED[0], 1) for name in names}


def of_sdist(path: Path) -> set[str]:
    """Return the files of a source distribution, by their places in the repository; its own metadata left out."""
    with tarfile.open(path) as sdist:
        names = (member.name.partition("/")[2] for member in sdist.getmembers() if member.isfile())
        return {name for name in names if ".egg-info/" not in name and name not in ("PKG-INFO", "setup.cfg")}


def differences(name: str, found: set[str], wanted: set[str]) -> list[str]:
    """Return a line for each file that is missing or should not be there."""
    missing = [f"{name}: {each} is missing" for each in sorted(wanted - found)]
    return missing + [f"{name}: {each} should not be there" for each in sorted(found - wanted)]


def main(wheel: str, sdist: str) -> int:
    """Print what is wrong; return the exit code."""
    wanted = expected()
    wrong = differences("wheel", of_wheel(Path(wheel)), wanted)
    wrong += differences("sdist", of_sdist(Path(sdist)), wanted | SOURCES)
    print("\n".join(wrong) or f"wheel and sdist hold the {len(wanted)} files of the package and the networks")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
