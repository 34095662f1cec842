"""Files are written whole or not at all, and read up to a bound."""

import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.conftest import ROOT
from xdn import files
from xdn.errors import ParseError, SettingError
from xdn.files import (
    about,
    atomic_file,
    check_folder,
    checked_size,
    is_folder,
    read_bounded,
    read_json,
    remove_unfinished,
    write_atomically,
    write_json,
)


def test_a_file_appears_at_the_end_only(tmp_path):
    path = tmp_path / "new" / "net.bin"
    with atomic_file(path) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
    assert path.read_bytes() == b"half"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_was_there_stays_where_writing_fails(tmp_path, error):
    path = tmp_path / "net.bin"
    write_atomically(path, b"old")

    def fail():
        with atomic_file(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_writing_replaces(tmp_path):
    path = tmp_path / "net.bin"
    for content in (b"first, longer", b"second"):
        write_atomically(path, content)
        assert path.read_bytes() == content


@pytest.mark.parametrize("durable", [True, False])
def test_the_disk_has_what_is_durable_before_it_is_at_its_place(tmp_path, monkeypatch, durable):
    path, synced = tmp_path / "run.json", []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append((os.fstat(number).st_size, path.exists())))
    write_json(path, {}, durable=durable)
    assert synced == ([(path.stat().st_size, False)] if durable else [])


def test_json_is_read_as_it_was_written(tmp_path):
    path, document = tmp_path / "a.json", {"a": [1, 2.5, None], "b": "\u00e4"}
    write_json(path, document)
    assert read_json(path, 1000) == document
    with pytest.raises(ParseError, match="at most 3 are read"):
        read_json(path, 3)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 10_000], ids=["empty", "open", "text", "deep", "long"]
)
def test_what_is_not_json_is_refused_with_its_place(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ParseError, match="this is not JSON") as caught:
        read_json(path, 1 << 20)
    assert caught.value.where == str(path)


def test_a_name_that_is_known_stays():
    with pytest.raises(FileNotFoundError) as caught, about(Path("other")):
        Path("/nowhere/at/all").read_bytes()
    assert caught.value.filename == "/nowhere/at/all"


def test_unfinished_files_are_removed_where_the_process_ends_at_once(tmp_path):
    write_atomically(tmp_path / "old", b"old")
    with atomic_file(tmp_path / "new") as file:
        file.write(b"half")
        assert len(list(tmp_path.iterdir())) == 2
        remove_unfinished()
        assert [path.name for path in tmp_path.iterdir()] == ["old"]
        # For the block's own end, which the process would not reach.
        part = Path(file.name)
        part.write_bytes(b"")
    remove_unfinished()
    assert (tmp_path / "new").exists()


def test_a_name_that_the_system_refuses_is_not_a_folder(tmp_path):
    assert is_folder(tmp_path)
    for name in ("nowhere", "n" * 300, "a\0b"):
        assert not is_folder(tmp_path / name)


def test_reading_within_the_bound(tmp_path):
    path = tmp_path / "net.bin"
    path.write_bytes(b"12345")
    assert checked_size(path, 5) == 5
    assert read_bounded(path, 5) == b"12345"
    for read in (checked_size, read_bounded):
        with pytest.raises(ParseError, match="has 5 bytes; at most 4"):
            read(path, 4)


@pytest.mark.parametrize("read", [checked_size, read_bounded])
def test_what_is_not_a_file_is_refused(tmp_path, read):
    with pytest.raises(ParseError, match="no such file"):
        read(tmp_path / "nowhere", 5)
    with pytest.raises(ParseError, match="not a regular file"):
        read(tmp_path, 5)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ParseError, match="not a regular file"):
        read_bounded(tmp_path / "pipe", 5)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_written_through(tmp_path):
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_atomically(pipe, b"through")
    reader.join(10)
    assert found == [b"through"]
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.parametrize("path", [Path(), Path("/"), Path("folder")], ids=str)
def test_a_folder_is_not_written(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(SettingError, match=rf"^{path}: this is a folder"):
        write_atomically(path, b"x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


WRITER = """
import pathlib, sys
from xdn.files import atomic_file
with atomic_file(pathlib.Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("begun", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def writer():
    """Return a function that starts a process which has written half a file and waits; all are ended after the test."""
    started = []

    def start(path):
        command = [sys.executable, "-c", WRITER, str(path)]
        started.append(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout.readline() == "begun\n"
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system cannot kill")
def test_what_a_killed_process_left_is_removed_by_the_next_that_writes(tmp_path, writer):
    started = [writer(tmp_path / name) for name in ("a.bin", "a.bin", "b.bin")]
    for process in started:
        kill(process)
    assert len(names(tmp_path)) == 3
    write_atomically(tmp_path / "c.bin", b"whole")
    assert names(tmp_path) == ["c.bin"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system cannot kill")
def test_what_another_process_writes_is_left_alone(tmp_path, writer):
    alive, dead = writer(tmp_path / "a.bin"), writer(tmp_path / "a.bin")
    kill(dead)
    write_atomically(tmp_path / "a.bin", b"ours")
    assert len(names(tmp_path)) == 2
    alive.communicate("go on\n")
    assert alive.returncode == 0
    assert names(tmp_path) == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"half"


def test_two_threads_write_one_file(tmp_path):
    with atomic_file(tmp_path / "a.bin") as first, atomic_file(tmp_path / "a.bin") as second:
        first.write(b"first")
        second.write(b"second")
    assert (tmp_path / "a.bin").read_bytes() == b"first"
    assert names(tmp_path) == ["a.bin"]


def test_foreign_hidden_files_stay(tmp_path):
    (tmp_path / ".a.bin.123.part").write_bytes(b"somebody else's")
    write_atomically(tmp_path / "a.bin", b"x")
    assert names(tmp_path) == [".a.bin.123.part", "a.bin"]


def test_without_locks_age_decides(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "fcntl", None)
    for name, age_s in ((".old.1-0.xdn.part", 1e6), (".new.1-0.xdn.part", 0.0)):
        path = tmp_path / name
        path.write_bytes(b"")
        now = path.stat().st_mtime
        os.utime(path, (now - age_s, now - age_s))
    write_atomically(tmp_path / "a.bin", b"x")
    assert names(tmp_path) == [".new.1-0.xdn.part", "a.bin"]


def test_a_full_disk_is_named(tmp_path):
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    write_atomically(tmp_path / "a.bin", b"old")
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, kept[1]))
        with pytest.raises(OSError, match=r"a\.bin"):
            write_atomically(tmp_path / "a.bin", bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)
        signal.signal(signal.SIGXFSZ, before)
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


@pytest.mark.parametrize(("name", "fits"), [(".", True), ("new/folder", True), ("file", False), ("file/folder", False)])
def test_a_folder_to_write_into_may_be_new_but_no_file(tmp_path, monkeypatch, name, fits):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    if fits:
        check_folder(Path(name))
    else:
        with pytest.raises(SettingError, match=r"file: this is a file\. Name a folder to write into"):
            check_folder(Path(name))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, how: path != tmp_path)
    with pytest.raises(SettingError, match="this folder cannot be written"):
        check_folder(tmp_path / "new")
