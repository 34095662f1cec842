"""Arrays in files, those of others among them."""

import io
import zipfile

import numpy as np
import pytest

from xdn import memory
from xdn.arrays import RAW_TYPES, read_array, read_arrays, read_raw, write_arrays
from xdn.errors import MemoryLimitError, ParseError


@pytest.mark.parametrize("dtype", ["f4", "f2", ">f8", "i8", "u1", "?"])
def test_an_archive_of_numpy_is_read_as_it_was_saved(tmp_path, dtype):
    saved = {"a": np.arange(6).reshape(2, 3).astype(dtype), "b": np.asfortranarray(np.ones((3, 2)))}
    np.savez_compressed(tmp_path / "x.npz", **saved)
    found = read_arrays(tmp_path / "x.npz")
    assert found.keys() == saved.keys()
    for name, array in saved.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_what_is_written_numpy_reads_whatever_the_names(tmp_path):
    arrays = {"file": np.ones((1, 2), np.float32), "a/b": np.zeros(3, np.float32)}
    write_arrays(tmp_path / "x.npz", arrays)
    with np.load(tmp_path / "x.npz") as found:
        assert {name: found[name].tolist() for name in found.files} == {"file": [[1, 1]], "a/b": [0, 0, 0]}


@pytest.mark.parametrize("kind", RAW_TYPES)
def test_raw_numbers_are_as_many_arrays_as_there_are(tmp_path, kind):
    values = np.arange(12).astype(RAW_TYPES[kind])
    (tmp_path / "x.bin").write_bytes(values.tobytes())
    np.testing.assert_array_equal(read_raw(tmp_path / "x.bin", kind, (3, 2)), values.reshape(2, 3, 2))


def test_a_part_of_an_array_is_refused(tmp_path):
    (tmp_path / "x.bin").write_bytes(bytes(20))
    with pytest.raises(ParseError, match=r"20 bytes are not a whole number of arrays \(3,\) of f32, 12 bytes each"):
        read_raw(tmp_path / "x.bin", "f32", (3,))


def archive(path, content):
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("x.npy", content)


def test_objects_are_never_unpickled(tmp_path):
    content = io.BytesIO()
    np.save(content, np.array([{}]), allow_pickle=True)
    archive(tmp_path / "x.npz", content.getvalue())
    with pytest.raises(ParseError, match="x: this is not an array of numbers"):
        read_arrays(tmp_path / "x.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no more", b"\x93NUMPY"])
def test_damage_is_a_typed_error(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(ParseError, match=r"x\.npz: this is not an archive"):
        read_arrays(tmp_path / "x.npz")
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(ParseError, match=r"x\.npy: this is not an array"):
        read_array(tmp_path / "x.npy")


def test_an_archive_that_unpacks_to_more_than_is_allowed_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros(1 << 20, np.uint8))
    with memory.limited(1 << 16), pytest.raises(MemoryLimitError, match="reading"):
        read_arrays(tmp_path / "x.npz")
