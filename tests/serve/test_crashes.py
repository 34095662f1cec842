"""Models that workers die of."""

import pytest

from xdn import settings
from xdn.serve.crashes import Crashes
from xdn.serve.messages import UNAVAILABLE


@pytest.fixture(autouse=True)
def two_deaths(monkeypatch):
    """Let two deaths be enough."""
    monkeypatch.setattr(settings, "SERVED_DEATHS", 2)


def test_a_model_is_given_up_after_so_many_deaths_in_a_row():
    crashes = Crashes()
    for number in range(2):
        assert crashes.given_up() == (), number
        crashes.loading("good")
        crashes.loading("")
        crashes.loading("bad")
        assert crashes.died() == "bad"
    (state,) = crashes.given_up()
    assert (state.name, state.state) == ("bad", UNAVAILABLE)
    assert state.reason.startswith("2 workers died while they loaded it")


def test_a_model_that_is_loaded_after_all_has_no_deaths():
    crashes = Crashes()
    for _ in range(2):
        crashes.loading("bad")
        crashes.died()
    crashes.loading("bad")
    assert [state.name for state in crashes.given_up()] == ["bad"]
    crashes.loading("")
    assert crashes.given_up() == ()


def test_a_worker_that_loads_nothing_dies_of_no_model():
    crashes = Crashes()
    crashes.loading("good")
    crashes.loading("")
    assert crashes.died() == ""
    assert crashes.given_up() == ()
