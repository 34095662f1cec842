"""What the tests of Winograd's room share."""

import pytest

from tests.kernels.winograd_checks import forced
from xdn.kernels.winograd.transform import WINOGRAD


@pytest.fixture(params=WINOGRAD, ids=lambda m: f"F({m}x{m})")
def outputs(request):
    """Return m, while F(m x m) takes every layer that it can compute."""
    with forced(request.param):
        yield request.param
