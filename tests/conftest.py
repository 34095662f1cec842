"""What all tests share: where outside material lies, and a seeded generator."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings as hypothesis_settings

#: The same examples on every run: what fails once fails again, and slow machines fail nothing.
hypothesis_settings.register_profile("xdn", derandomize=True, deadline=None)
hypothesis_settings.load_profile("xdn")

ROOT = Path(__file__).resolve().parent.parent
MATERIAL = Path(os.environ.get("XDN_TEST_MATERIAL") or ROOT.parent / "shared")


def _material(*parts: str) -> Path:
    path = MATERIAL.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"outside test material is not here: {path} (set XDN_TEST_MATERIAL)")
    return path


@pytest.fixture(scope="session")
def material():
    """Return a function: path parts -> a path in the outside material; skips where it is missing."""
    return _material


@pytest.fixture
def rng():
    """Return a seeded random generator."""
    return np.random.default_rng(20190625)


@pytest.fixture(scope="session")
def cifar10(material, tmp_path_factory):
    """Return the folder in which the official CIFAR-10 was rebuilt from the outside material."""
    script, folder = material("cifar10", "restore.py"), tmp_path_factory.mktemp("cifar10")
    subprocess.run([sys.executable, script, "--out", folder], check=True, capture_output=True)
    return str(folder)


@contextmanager
def folder_without_rights(*fill) -> Iterator[Path]:
    """Give a folder in which nothing can be written, after each of `fill` has written to it; for root, too."""
    with tempfile.TemporaryDirectory() as name:
        folder, user = Path(name), os.geteuid() if hasattr(os, "geteuid") else None
        for each in fill:
            each(folder)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        if user == 0:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if user == 0:
                os.seteuid(0)
            folder.chmod(0o755)
