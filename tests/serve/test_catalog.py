"""Versions and their states."""

import pytest

from xdn.serve.catalog import Catalog
from xdn.serve.messages import LOADING, READY, UNAVAILABLE, ModelState, UnavailableError, UnknownModelError


def states(catalog):
    return [(state.name, state.version, state.state, state.reason) for state in catalog.index()]


def test_the_latest_version_is_meant_where_none_is_named():
    catalog = Catalog()
    catalog.replace("m", {"9": "nine", "10": "ten"})
    assert (catalog.find("m"), catalog.find("m", "9"), catalog.versions("m")) == ("ten", "nine", ("9", "10"))
    assert sorted(catalog.ready()) == ["nine", "ten"]
    assert states(catalog) == [("m", "9", READY, ""), ("m", "10", READY, "")]


def test_what_is_replaced_is_returned():
    catalog = Catalog()
    catalog.replace("m", {"1": "old"})
    assert catalog.replace("m", {"1": "new", "2": "newer"}) == ["old"]
    assert catalog.replace("m", {}) == ["new", "newer"]
    assert states(catalog) == [("m", "1", UNAVAILABLE, "unloaded"), ("m", "2", UNAVAILABLE, "unloaded")]


def test_a_version_that_is_ready_stays_so_while_another_try_fails():
    catalog = Catalog()
    catalog.replace("m", {"1": "old"})
    for version in ("1", "2"):
        catalog.loading("m", version)
    assert states(catalog) == [("m", "1", READY, ""), ("m", "2", LOADING, "")]
    catalog.failed("m", {"1": "damaged", "2": "damaged, too"})
    assert states(catalog) == [("m", "1", READY, ""), ("m", "2", UNAVAILABLE, "damaged, too")]


@pytest.mark.parametrize(
    ("model", "version", "error", "message"),
    [
        ("other", "", UnknownModelError, "no model 'other'"),
        ("m", "3", UnknownModelError, "'m', version '3'"),
        ("m", "2", UnavailableError, "not ready: damaged"),
        ("n", "", UnavailableError, "not ready: loading"),
    ],
)
def test_what_is_not_ready_says_why(model, version, error, message):
    catalog = Catalog()
    catalog.replace("m", {"1": "one"})
    catalog.failed("m", {"2": "damaged"})
    catalog.loading("n", "1")
    with pytest.raises(error, match=message):
        catalog.find(model, version)


def test_a_catalog_can_be_told_of_another():
    catalog = Catalog()
    catalog.replace("gone", {"1": "x"})
    catalog.told([ModelState("m", "1", READY)], {"m": {"1": "one"}})
    assert (catalog.find("m"), states(catalog)) == ("one", [("m", "1", READY, "")])
