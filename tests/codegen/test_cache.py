"""Machine code on disk: kept and found, damage noticed, folders of others refused."""

import logging
import os
import stat

import pytest

from tests.codegen.kernels import shift_source
from tests.codegen.targets import RUNNABLE
from xdn.codegen import cache as cache_module
from xdn.codegen.cache import KernelCache, generator_digest
from xdn.codegen.compiler import ObjectCode
from xdn.codegen.target import host_target

CODE = ObjectCode("a_symbol", b"\x7fELF\0code\0with\0zeros")


@pytest.fixture
def cache(tmp_path):
    """Return a cache in a folder of the test's own, with one entry."""
    made = KernelCache(tmp_path / "kernels")
    made.store("k", CODE)
    return made


def _entry(cache):
    return cache.folder / "k.o"


def test_what_is_stored_is_found(cache):
    found = cache.load("k")
    assert (found.symbol, found.code, found.compile_s) == (CODE.symbol, CODE.code, 0)
    assert KernelCache(cache.folder.parent).load("k") == found
    assert cache.load("other") is None


def test_folders_are_for_the_owner_alone(cache):
    assert cache.usable
    for folder in (cache.folder, cache.folder.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert cache.folder.name == generator_digest()
    assert [path.name for path in cache.folder.iterdir()] == ["k.o"]


def test_default_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDN_CACHE", str(tmp_path / "elsewhere"))
    assert KernelCache().folder.parent == tmp_path / "elsewhere" / "kernels"


def test_every_flipped_byte_is_noticed(cache, caplog):
    raw = _entry(cache).read_bytes()
    for place in range(len(raw)):
        _entry(cache).write_bytes(raw[:place] + bytes([raw[place] ^ 0x10]) + raw[place + 1 :])
        assert cache.load("k") is None, place
    assert "damaged kernel cache entry k" in caplog.text


def test_every_truncation_is_noticed(cache):
    raw = _entry(cache).read_bytes()
    for size in range(len(raw)):
        _entry(cache).write_bytes(raw[:size])
        assert cache.load("k") is None, size


def test_a_damaged_entry_is_replaced(cache):
    _entry(cache).write_bytes(b"nothing")
    cache.store("k", CODE)
    assert cache.load("k").code == CODE.code


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o775])
@pytest.mark.parametrize("level", ["folder", "parent"])
def test_a_folder_that_others_can_write_is_not_used(cache, caplog, mode, level):
    folder = cache.folder if level == "folder" else cache.folder.parent
    folder.chmod(mode)
    with caplog.at_level(logging.WARNING):
        again = KernelCache(cache.folder.parent)
    assert not again.usable
    assert again.load("k") is None
    again.store("new", CODE)
    assert not (cache.folder / "new.o").exists()
    assert "not ours alone" in caplog.text
    assert str(folder) in caplog.text


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_owner_is_not_used(cache):
    os.chown(cache.folder, 12345, -1)
    again = KernelCache(cache.folder.parent)
    assert not again.usable
    assert again.load("k") is None


def _alone(path):
    return stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_entry_of_another_name_or_folder_is_not_loaded(cache, caplog, monkeypatch):
    (cache.folder / "other.o").write_bytes(_entry(cache).read_bytes())
    (cache.folder / "other.o").chmod(0o600)
    assert cache.load("other") is None
    assert "damaged kernel cache entry other" in caplog.text
    monkeypatch.setattr(cache_module, "generator_digest", lambda: "an older version's")
    older = KernelCache(cache.folder.parent)
    _entry(cache).rename(_entry(older))
    assert older.load("k") is None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_an_entry_that_others_can_write_is_not_loaded(cache, caplog, mode):
    assert _alone(_entry(cache))
    _entry(cache).chmod(mode)
    assert cache.load("k") is None
    assert "not ours alone" in caplog.text
    assert str(_entry(cache)) in caplog.text
    cache.store("k", CODE)
    assert cache.load("k") is not None


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077])
def test_what_is_stored_is_for_the_owner_alone_whatever_the_umask(cache, umask):
    before = os.umask(umask)
    try:
        cache.store("new", CODE)
    finally:
        os.umask(before)
    assert _alone(cache.folder / "new.o")
    assert cache.load("new") is not None


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a file away")
def test_an_entry_of_another_owner_is_not_loaded(cache, caplog):
    os.chown(_entry(cache), 12345, -1)
    assert cache.load("k") is None
    assert "not ours alone" in caplog.text


def test_a_link_is_not_followed(cache, tmp_path, caplog):
    elsewhere = tmp_path / "elsewhere.o"
    _entry(cache).rename(elsewhere)
    _entry(cache).symlink_to(elsewhere)
    assert cache.load("k") is None
    assert "not ours alone" in caplog.text
    cache.store("k", CODE)
    assert not _entry(cache).is_symlink()
    assert cache.load("k") is not None


def test_a_folder_that_is_a_link_is_not_used(cache, tmp_path):
    linked = tmp_path / "linked"
    linked.symlink_to(cache.folder.parent)
    assert not KernelCache(linked).usable


def test_a_pipe_in_place_of_an_entry_is_not_waited_for(cache):
    os.mkfifo(cache.folder / "pipe.o", 0o600)
    assert cache.load("pipe") is None


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    cache = KernelCache(tmp_path / "file" / "kernels")
    assert not cache.usable
    cache.store("k", CODE)
    assert cache.load("k") is None
    assert "kernel cache not used" in caplog.text


def test_an_entry_that_cannot_be_written_is_done_without(cache, caplog):
    (cache.folder / "busy.o").mkdir()
    cache.store("busy", CODE)
    assert cache.load("busy") is None
    assert "kernel busy is not kept" in caplog.text
    assert sorted(path.name for path in cache.folder.iterdir()) == ["busy.o", "k.o"]


def test_digest_names_all_that_decides_the_code(monkeypatch):
    fresh = generator_digest.__wrapped__
    digests = {fresh()}
    assert digests == {generator_digest()}
    monkeypatch.setenv("NUMBA_CPU_NAME", "haswell")
    digests.add(fresh())
    monkeypatch.setattr(cache_module, "version", lambda package: "0")
    digests.add(fresh())
    monkeypatch.setattr(cache_module, "_SOURCES", ("codegen/*.py",))
    digests.add(fresh())
    assert len(digests) == 4


def test_digest_names_the_instruction_set_and_with_it_the_block(monkeypatch):
    monkeypatch.setattr(cache_module, "host_target", host_target.__wrapped__)
    digests = set()
    for target in RUNNABLE:
        monkeypatch.setenv("XDN_TARGET", target.name)
        digests.add(generator_digest.__wrapped__())
    assert len(digests) == len(RUNNABLE)


def test_names_that_are_kernels_stay_in_the_folder(cache):
    assert "/" not in str(shift_source(1).name)
