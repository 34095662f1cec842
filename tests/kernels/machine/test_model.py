"""A machine as a document, and documents that do not describe one."""

import json
from dataclasses import replace

import pytest

from tests.kernels.machine.machines import MACHINES, ZEN4, rate
from xdn.errors import DataError
from xdn.kernels.machine.model import Machine, Rate


def test_a_machine_comes_back_from_its_document():
    assert Machine.of(json.loads(json.dumps(ZEN4.document()))) == ZEN4


def test_dot_products_are_guessed_where_nobody_measured_them():
    assert ZEN4.rates(16).dots == pytest.approx(ZEN4.macs["s8"].one / ZEN4.ghz_wide / 64)
    unknown = replace(ZEN4, macs={"f32": ZEN4.macs["f32"]}).rates(16)
    assert unknown.dots == unknown.multiplied / 4
    assert ZEN4.rates(16).pairs == pytest.approx(ZEN4.macs["bf16"].one / ZEN4.ghz_wide / 32)
    assert MACHINES["laptop"].rates(8).pairs == MACHINES["laptop"].rates(8).multiplied / 2


def test_a_machine_is_sure_where_all_its_figures_are():
    assert ZEN4.sure
    assert not replace(ZEN4, tile_macs=rate(58.5, sure=False)).sure
    first, *others = ZEN4.levels
    unsure = replace(first, gbytes=rate(204.0, sure=False))
    assert not replace(ZEN4, levels=(unsure, *others)).sure
    assert not replace(ZEN4, barrier_sure=False).sure


def test_of_two_measurements_the_best_figures_count():
    """One was disturbed in its multipliers and its barrier, the other in its first cache."""
    first, *others = ZEN4.levels
    slow_level = replace(first, gbytes=Rate(first.gbytes.one / 2, first.gbytes.all / 2, sure=False))
    busy = replace(ZEN4, tile_macs=rate(20.0, sure=False), barrier_ns=4e5, barrier_sure=False, ghz=1.0)
    other = replace(ZEN4, levels=(slow_level, *others), measured=2)
    for one, two in ((busy, other), (other, busy)):
        assert one.better(two) == replace(ZEN4, measured=3)


@pytest.mark.parametrize(
    ("second", "sure"), [((99.0, 198.0), True), ((101.0, 199.0), True), ((120.0, 200.0), False), ((10.0, 10.0), False)]
)
def test_two_figures_that_agree_are_sure(second, sure):
    first, second = Rate(100.0, 200.0, sure=False), Rate(*second, sure=False)
    for one, two in ((first, second), (second, first)):
        assert one.better(two).sure == sure
        assert one.better(two).one == max(one.one, two.one)


def test_a_sure_figure_that_was_slower_is_not_sure_any_more():
    """The machine has changed, or was disturbed all the time: what is faster has to come again."""
    assert not Rate(100.0, 200.0).better(Rate(150.0, 300.0, sure=False)).sure
    assert Rate(100.0, 200.0).better(Rate(150.0, 300.0)).sure


def test_other_machines_are_not_compared():
    assert ZEN4.comparable(replace(ZEN4, ghz=1.0, tile_macs=rate(3.0), measured=4))
    assert not ZEN4.comparable(replace(ZEN4, threads=ZEN4.threads + 1))
    assert not ZEN4.comparable(replace(ZEN4, levels=ZEN4.levels[1:]))
    assert not ZEN4.comparable(MACHINES["zen5"])


def _changed(**fields):
    return json.loads(json.dumps(ZEN4.document() | fields))


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "machine",
        {},
        {key: value for key, value in ZEN4.document().items() if key != "ghz"},
        _changed(ghz="fast"),
        _changed(ghz=-1),
        _changed(ghz=float("nan")),
        _changed(ghz=1e300),
        _changed(threads=0),
        _changed(macs=[1]),
        _changed(macs={**ZEN4.document()["macs"], "f8": {"one": 1, "all": 2, "sure": True}}),
        _changed(macs={"f32": 3}),
        _changed(levels={"L1": 1}),
        _changed(levels=[{"name": "L1"}]),
        _changed(levels=3),
        _changed(tile_macs={"one": 1, "all": None, "sure": True}),
        _changed(barrier_ns=-5),
    ],
    ids=lambda document: str(document)[:40],
)
def test_what_is_not_a_machine_is_refused(document):
    with pytest.raises(DataError):
        Machine.of(document)
