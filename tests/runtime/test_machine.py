"""The machine that tests run on: measured, kept, read again; damaged files are measured anew."""

import json
import logging
from dataclasses import replace
from itertools import count

import pytest

from tests.kernels.machine.machines import FOLDER, MACHINES
from xdn import settings
from xdn.codegen.listening import listening
from xdn.codegen.target import host_target
from xdn.cpus import available_cpus
from xdn.errors import DataError, ParseError
from xdn.files import write_json
from xdn.runtime import machine
from xdn.runtime.machine import kept_at, measured_machine, this_machine


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """Let little be measured, and kept in a folder of the test's own."""
    monkeypatch.setattr(settings, "BANDWIDTH_BYTES", 4 << 20)
    monkeypatch.setattr(machine, "_ROUNDS", 1)
    monkeypatch.setattr(machine, "_MEMORY_ROUNDS", 1)
    monkeypatch.setattr(settings, "cache_dir", lambda: tmp_path)
    monkeypatch.delenv("XDN_MACHINE")


def test_a_machine_is_measured_once(monkeypatch):
    monkeypatch.setattr(machine, "_MOST_MEASUREMENTS", 1)
    found = this_machine.__wrapped__()
    assert (found.instruction_set, found.threads) == (host_target().name, available_cpus())
    assert this_machine.__wrapped__() == found == machine.Machine.of(json.loads(kept_at().read_text()))
    assert measured_machine() != found


def test_who_listens_hears_what_is_measured():
    told = []
    measured_machine()  # its loops are compiled
    with listening(lambda *what: told.append(what)):
        found = measured_machine()
    names = [*(f"{name} products" for name in found.macs), "tile", *(level.name for level in found.levels), "barrier"]
    expected = [(f"measure {name}", done, len(names)) for done, name in enumerate(names)]
    assert told == [*expected, ("", len(names), len(names))]


def test_figures_that_are_not_sure_are_measured_again_at_later_starts(monkeypatch):
    """A few times: on some machines others work all the time. No two measurements here are near each other."""
    found = replace(measured_machine(), barrier_ns=1e9, barrier_sure=False)
    write_json(kept_at(), found.document())
    calls = count()
    monkeypatch.setattr(machine, "best_ns", lambda *args: (1e6 * 0.95 ** next(calls), False))
    counts = [this_machine.__wrapped__().measured for _ in range(6)]
    assert counts == [2, 3, 4, 5, 5, 5]
    assert this_machine.__wrapped__().barrier_ns < 1e9
    sure = replace(MACHINES["zen4"], measured=2)
    write_json(kept_at(), sure.document())
    assert this_machine.__wrapped__() == sure


def test_what_was_kept_of_another_machine_is_not_counted():
    assert measured_machine(MACHINES["laptop"]).measured == 1


def test_figures_are_those_of_a_machine():
    found = measured_machine()
    rates = [*found.macs.values(), found.tile_macs, *(level.gbytes for level in found.levels)]
    assert all(0 < figure < 1e6 for rate in rates for figure in (rate.one, rate.all))
    assert 0 < found.ghz < 20
    assert found.levels[-1].name == "memory"
    assert [level.bytes for level in found.levels[:-1]] == sorted(level.bytes for level in found.levels[:-1])
    assert (found.barrier_ns > 0) == (found.threads > 1)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"ghz": 1}', "[" * 50_000, "\x00\xff"])
def test_a_damaged_file_is_measured_anew(content, caplog):
    kept_at().parent.mkdir(parents=True)
    kept_at().write_text(content)
    with caplog.at_level(logging.WARNING):
        found = this_machine.__wrapped__()
    assert "measured anew" in caplog.text
    assert machine.Machine.of(json.loads(kept_at().read_text())) == found


def test_a_folder_that_cannot_be_written_is_only_a_warning(monkeypatch, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(settings, "cache_dir", lambda: tmp_path / "file")
    assert measured_machine().threads == available_cpus()
    assert "is not kept" in caplog.text


def test_rules_choose_for_a_machine_that_a_file_describes(monkeypatch):
    monkeypatch.setenv("XDN_MACHINE", str(FOLDER / "emerald_rapids.json"))
    assert this_machine.__wrapped__() == MACHINES["emerald_rapids"]
    assert not kept_at().exists()


@pytest.mark.parametrize(("content", "error"), [(None, ParseError), ("[", ParseError), ("{}", DataError)])
def test_a_file_that_describes_none_is_refused(content, error, monkeypatch, tmp_path):
    path = tmp_path / "machine.json"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("XDN_MACHINE", str(path))
    with pytest.raises(error):
        this_machine.__wrapped__()


def test_the_target_has_the_rates_of_the_machine():
    found = measured_machine()
    rates = found.rates(16)
    assert rates.ghz == found.ghz_wide
    assert 0 < rates.multiplied < 20
    assert 0 < rates.dots < 20
    assert rates.levels[-1].bytes == float("inf")
    assert [level.bytes for level in rates.levels[:-1]] == [level.bytes for level in found.levels[:-1]]
    assert all(level.one > 0 and level.each > 0 for level in rates.levels)
