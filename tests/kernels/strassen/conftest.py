"""What the tests of Strassen's room share."""

import pytest

from tests.kernels.strassen_checks import forced


@pytest.fixture
def everywhere():
    """Let the algorithm take every layer that it can compute."""
    with forced():
        yield
