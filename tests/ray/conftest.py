"""A cluster of this machine, begun once."""

import pytest

from xdn.ray import connected


@pytest.fixture(scope="session")
def cluster():
    """Be part of a cluster; skip where Ray is not installed."""
    ray = pytest.importorskip("ray", reason="Ray is not installed (pip install -e '.[ray]')")
    with connected():
        yield ray
