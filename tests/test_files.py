"""Files are written whole or not at all, and read up to a bound."""

import os
import threading
from pathlib import Path

import pytest

from xdn.errors import ParseError, SettingError
from xdn.files import atomic_file, checked_size, read_bounded, write_atomically


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


def test_reading_within_the_bound(tmp_path):
    path = tmp_path / "net.bin"
    path.write_bytes(b"12345")
    assert checked_size(path, 5) == 5
    assert read_bounded(path, 5) == b"12345"
    for read in (checked_size, read_bounded):
        with pytest.raises(ParseError, match="has 5 bytes; at most 4"):
            read(path, 4)


@pytest.mark.parametrize("read", [checked_size, read_bounded])
def test_what_is_no_file_is_refused(tmp_path, read):
    with pytest.raises(ParseError, match="no such file"):
        read(tmp_path / "nowhere", 5)
    with pytest.raises(ParseError, match="no regular file"):
        read(tmp_path, 5)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ParseError, match="no regular file"):
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
