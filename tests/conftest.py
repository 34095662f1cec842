"""What all tests share: where outside material lies, and a seeded generator."""

import os
import subprocess
import sys
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
