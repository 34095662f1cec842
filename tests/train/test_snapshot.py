"""Snapshots: what was written comes back; a hostile file runs nothing and fills no memory."""

import io
import pickle
import zipfile

import pytest
import torch

from xdn import settings
from xdn.errors import DataError, ParseError
from xdn.train.snapshot import FORMAT, OLD_FORMAT, read_snapshot, write_snapshot

STATE = {"a": [1, 2.5, "x"], "b": {"w": torch.arange(6).reshape(2, 3)}}


def test_it_comes_back(tmp_path):
    path = tmp_path / "new" / "s.pt"
    write_snapshot(path, STATE)
    found = read_snapshot(path)
    assert (found["a"], found["format"]) == (STATE["a"], FORMAT)
    assert torch.equal(found["b"]["w"], STATE["b"]["w"])
    assert [file.name for file in path.parent.iterdir()] == ["s.pt"]


class Hostile:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("old", [False, True], ids=["zip", "pickle"])
def test_no_code_of_the_file_is_run(tmp_path, old):
    path, mark = tmp_path / "s.pt", tmp_path / "mark"
    torch.save({"format": FORMAT, "x": Hostile(mark)}, path, _use_new_zipfile_serialization=not old)
    with pytest.raises(DataError, match=r"not a snapshot of a training.*--restart"):
        read_snapshot(path)
    assert not mark.exists()


def test_entries_that_unpack_to_more_are_refused(tmp_path):
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "x": torch.zeros(1 << 20)}, buffer)
    path = tmp_path / "s.pt"
    with zipfile.ZipFile(buffer) as plain, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in plain.namelist():
            packed.writestr(entry, plain.read(entry))
    assert path.stat().st_size < 1 << 16
    with pytest.raises(DataError, match="entries are packed"):
        read_snapshot(path)


def test_a_file_too_large_is_not_read(tmp_path, monkeypatch):
    write_snapshot(tmp_path / "s.pt", STATE)
    monkeypatch.setattr(settings, "MAX_SNAPSHOT_BYTES", 100)
    with pytest.raises(ParseError, match="at most 100"):
        read_snapshot(tmp_path / "s.pt")


@pytest.mark.parametrize("content", [b"", b"no zip", pickle.dumps(STATE["a"])])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "s.pt").write_bytes(content)
    with pytest.raises(DataError, match="not a snapshot"):
        read_snapshot(tmp_path / "s.pt")


def test_another_file_of_pytorch_is_refused(tmp_path):
    torch.save({"model": torch.zeros(3)}, tmp_path / "s.pt")
    with pytest.raises(DataError, match="this is not 'xdn training snapshot 2'"):
        read_snapshot(tmp_path / "s.pt")


def test_a_file_cut_anywhere_is_refused(tmp_path):
    write_snapshot(tmp_path / "s.pt", STATE)
    content = (tmp_path / "s.pt").read_bytes()
    for length in range(0, len(content), 97):
        (tmp_path / "s.pt").write_bytes(content[:length])
        with pytest.raises(DataError):
            read_snapshot(tmp_path / "s.pt")


def flipped(content, place, bits=1):
    return content[:place] + bytes([content[place] ^ bits]) + content[place + 1 :]


@pytest.mark.parametrize("bits", [1, 0x80, 0xFF])
def test_a_flipped_byte_anywhere_is_refused(tmp_path, bits):
    path = tmp_path / "s.pt"
    write_snapshot(path, STATE)
    content = path.read_bytes()
    for place in {*range(0, len(content), 7), *range(len(content) - 100, len(content))}:
        path.write_bytes(flipped(content, place, bits))
        with pytest.raises(DataError, match="snapshot"):
            read_snapshot(path)
    path.write_bytes(content)
    assert read_snapshot(path)["a"] == STATE["a"]


def test_what_is_put_after_a_snapshot_is_damage(tmp_path):
    path = tmp_path / "s.pt"
    write_snapshot(path, STATE)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(DataError, match="lacks its checksum"):
        read_snapshot(path)


def test_a_snapshot_of_version_1_is_read_where_no_tensor_is_damaged(tmp_path):
    path = tmp_path / "s.pt"
    torch.save({"format": OLD_FORMAT} | STATE, path)
    assert torch.equal(read_snapshot(path)["b"]["w"], STATE["b"]["w"])
    content = path.read_bytes()
    tensor = content.index(STATE["b"]["w"].numpy().tobytes())
    for place in range(tensor, tensor + 48):
        path.write_bytes(flipped(content, place))
        with pytest.raises(DataError, match="damaged in"):
            read_snapshot(path)
