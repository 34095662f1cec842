"""What the tests of commands share."""

import pytest

from xdn.codegen.cache import KernelCache


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """Give the test a cache folder of its own, and with it a store; compiled kernels stay shared."""
    kernels = KernelCache().folder.parent
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "kernels").symlink_to(kernels)
    monkeypatch.setenv("XDN_CACHE", str(tmp_path / "cache"))
