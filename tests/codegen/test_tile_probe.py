"""The trial of the tile unit: nothing is believed that was not seen, and what was seen is kept."""

import json
import subprocess

import pytest

from xdn.codegen import target as target_module
from xdn.codegen import tile_probe
from xdn.codegen.target import AMX, multiplies_tiles, target_named
from xdn.codegen.tile_probe import permitted, tiles_work

NEEDED = frozenset(target_named(AMX).features)


@pytest.fixture
def told(monkeypatch, tmp_path):
    """Let the processor name the features of the unit, the system permit it, and nothing be known yet."""
    monkeypatch.setenv("XDN_CACHE", str(tmp_path))
    monkeypatch.setattr(target_module, "cpu_features", lambda: NEEDED)
    monkeypatch.setattr(target_module, "tiles_work", tiles_work.__wrapped__)
    monkeypatch.setattr(tile_probe, "permitted", lambda: True)
    return tmp_path / "machines"


def _trials(monkeypatch, *codes):
    """Let trials end with these codes, and return the list that counts them."""
    left, seen = list(codes), []

    def run(command, **options):
        seen.append(command)
        return subprocess.CompletedProcess(command, left.pop(0))

    monkeypatch.setattr(subprocess, "run", run)
    return seen


@pytest.mark.parametrize(("code", "right"), [(0, True), (1, False), (-4, False)], ids=["right", "wrong", "killed"])
def test_the_trial_decides_and_is_kept(monkeypatch, told, code, right):
    seen = _trials(monkeypatch, code)
    assert multiplies_tiles() is right
    assert multiplies_tiles() is right
    assert len(seen) == 1
    (path,) = told.iterdir()
    assert json.loads(path.read_text()) == {"right": right}


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"right'])
def test_what_cannot_be_read_is_tried_again(monkeypatch, told, content, caplog):
    _trials(monkeypatch, 0, 0)
    assert multiplies_tiles()
    (path,) = told.iterdir()
    path.write_text(content)
    assert multiplies_tiles()
    assert "tried out anew" in caplog.text


def test_a_trial_that_does_not_end_is_a_no_for_this_time(monkeypatch, told, caplog):
    def run(command, **options):
        raise subprocess.TimeoutExpired(command, 1)

    with monkeypatch.context() as slow:
        slow.setattr(subprocess, "run", run)
        assert not multiplies_tiles()
    assert "could not be tried out" in caplog.text
    _trials(monkeypatch, 0)
    assert multiplies_tiles()


def test_a_program_that_is_not_an_interpreter_tries_nothing(monkeypatch, told):
    seen = _trials(monkeypatch)
    monkeypatch.setattr(tile_probe.sys, "executable", "/usr/bin/app")
    assert not multiplies_tiles()
    assert not seen


@pytest.mark.parametrize("lacking", sorted(NEEDED))
def test_without_the_features_nothing_is_tried(monkeypatch, told, lacking):
    monkeypatch.setattr(target_module, "cpu_features", lambda: NEEDED - {lacking})
    seen = _trials(monkeypatch)
    assert not multiplies_tiles()
    assert not seen


def test_without_permission_nothing_is_tried(monkeypatch, told):
    monkeypatch.setattr(tile_probe, "permitted", lambda: False)
    seen = _trials(monkeypatch)
    assert not multiplies_tiles()
    assert not seen


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "x86_64"), ("Linux", "aarch64")])
def test_only_linux_on_x86_is_asked(monkeypatch, system, machine):
    monkeypatch.setattr(tile_probe.platform, "system", lambda: system)
    monkeypatch.setattr(tile_probe.platform, "machine", lambda: machine)
    assert not permitted()


@pytest.mark.skipif(multiplies_tiles(), reason="the processor has a tile unit")
def test_the_trial_of_a_processor_without_the_unit_ends_with_a_no():
    """In a process of its own, as ever: here it is refused, or ends at an instruction that is unknown."""
    assert not tile_probe._tried()
