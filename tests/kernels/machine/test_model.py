"""A machine as a document, and documents that do not describe one."""

import json
from dataclasses import replace

import pytest

from tests.kernels.machine.machines import ZEN4, rate
from xdn.errors import DataError
from xdn.kernels.machine.model import Machine


def test_a_machine_comes_back_from_its_document():
    assert Machine.of(json.loads(json.dumps(ZEN4.document()))) == ZEN4


def test_a_machine_is_sure_where_all_its_figures_are():
    assert ZEN4.sure
    assert not replace(ZEN4, tile_macs=rate(58.5, sure=False)).sure
    first, *others = ZEN4.levels
    unsure = replace(first, gbytes=rate(204.0, sure=False))
    assert not replace(ZEN4, levels=(unsure, *others)).sure


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
