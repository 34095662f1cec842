"""What the tests of Strassen's room share."""

import pytest

from tests.kernels.strassen_checks import forced
from xdn.kernels.contract.matrix import rule


@pytest.fixture
def everywhere():
    """Let the algorithm take every layer that it can compute."""
    with forced():
        yield


@pytest.fixture(autouse=True)
def without_tiles(monkeypatch):
    """Let no layer be taken by a tile unit, where the processor has one."""
    monkeypatch.setattr(rule, "can_be_tiled", lambda lowering: False)
