"""Mean images in both formats."""

import numpy as np
import pytest

from xdn.errors import ParseError
from xdn.frontend import read_binaryproto, read_mean, write_mean


@pytest.mark.parametrize("name", ["mean.binaryproto", "mean.npy", "mean.NPY", "mean"])
def test_what_was_written_is_read_again(tmp_path, rng, name):
    mean = rng.random((3, 5, 4), np.float32) * 255
    write_mean(tmp_path / name, mean)
    np.testing.assert_array_equal(read_mean(tmp_path / name), mean)
    if name.lower().endswith(".npy"):
        np.testing.assert_array_equal(np.load(tmp_path / name), mean)
    else:
        np.testing.assert_array_equal(read_binaryproto(tmp_path / name), mean)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.uint8, ">f4"])
@pytest.mark.parametrize("by_columns", [False, True])
def test_arrays_of_other_numbers_and_orders(tmp_path, rng, dtype, by_columns):
    mean = (rng.random((1, 3, 5, 4)) * 200).astype(dtype)
    np.save(tmp_path / "mean.npy", np.asfortranarray(mean) if by_columns else mean)
    found = read_mean(tmp_path / "mean.npy")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, mean[0].astype(np.float32))


def test_one_number_a_channel(tmp_path):
    np.save(tmp_path / "mean.npy", np.array([104.0, 117, 123]))
    np.testing.assert_array_equal(read_mean(tmp_path / "mean.npy"), np.float32([104, 117, 123]).reshape(3, 1, 1))


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (np.zeros((5, 4)), "shape .5, 4. instead of one image"),
        (np.zeros((2, 3, 5, 4)), "instead of one image"),
        (np.zeros((3, 0, 4)), "instead of one image"),
        (np.array(["a"]), "its header tells of something else"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, problem):
    np.save(tmp_path / "mean.npy", array)
    with pytest.raises(ParseError, match=rf"mean\.npy: .*{problem}"):
        read_mean(tmp_path / "mean.npy")


def test_an_array_of_python_objects_is_never_loaded(tmp_path):
    np.save(tmp_path / "mean.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ParseError, match="its header tells of something else"):
        read_mean(tmp_path / "mean.npy")


def test_damaged_files_are_refused(tmp_path, rng):
    write_mean(tmp_path / "mean.npy", rng.random((3, 5, 4), np.float32))
    content = (tmp_path / "mean.npy").read_bytes()
    huge = content.replace(b"(3, 5, 4)", b"(1 << 60)", 1)
    for damaged in (
        b"",
        content[:5],
        content[:60],
        content[:-1],
        content + b"\0",
        huge,
        b"\x93NUMPY\x09\x00" + content[8:],
    ):
        (tmp_path / "mean.npy").write_bytes(damaged)
        with pytest.raises(ParseError, match="not an array of numbers that NumPy saved"):
            read_mean(tmp_path / "mean.npy")
