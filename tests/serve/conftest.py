"""A service that the tests of a protocol share: each of their modules says its LIMITS."""

import pytest

from tests.serve.engines import Adder, serving


@pytest.fixture(scope="module")
def shared(request):
    """Give a service and its engine."""
    engine = Adder()
    with serving(engine, request.module.LIMITS) as service:
        yield service, engine


@pytest.fixture
def engine(shared):
    """Give the engine, as it was at first when the test is over."""
    found = shared[1]
    yield found
    found.error = None
    found.loaded |= {"add", "slow"}
