"""Mean images in both formats."""

import numpy as np
import pytest

import xdn.settings
from xdn.element import S8
from xdn.errors import DataError, ParseError
from xdn.frontend.caffe.images.mean_file import read_binaryproto, read_mean, write_binaryproto, write_mean
from xdn.frontend.caffe.text import schema
from xdn.frontend.caffe.weights.blobproto import encode_blob_head
from xdn.graph.codebook import Codebook


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


def test_mean_of_cifar10(material):
    path = material("models", "mean.binaryproto")
    mean = read_binaryproto(path)
    message = schema.new("BlobProto")
    message.MergeFromString(path.read_bytes())
    assert mean.shape == (3, 32, 32)
    assert np.array_equal(mean.ravel(), np.array(message.data, np.float32))
    # The channels' means over the 50,000 training images, as published everywhere.
    assert np.allclose(mean.mean(axis=(1, 2)), [125.3, 123.0, 113.9], atol=0.1)


def test_written_mean_reads_back_and_is_protobufs(tmp_path, rng):
    path = tmp_path / "m.binaryproto"
    mean = rng.random((3, 5, 7), dtype=np.float32)
    write_binaryproto(path, mean.transpose(0, 2, 1))
    assert np.array_equal(read_binaryproto(path), mean.transpose(0, 2, 1))
    message = schema.new("BlobProto")
    message.MergeFromString(path.read_bytes())
    assert (message.num, message.channels, message.height, message.width) == (1, 3, 7, 5)


def test_other_shapes_are_refused(tmp_path):
    with pytest.raises(DataError, match="axes"):
        write_binaryproto(tmp_path / "m", np.zeros((2, 3), np.float32))
    message = schema.new("BlobProto")
    message.shape.dim.extend((2, 3, 1, 1))
    message.data.extend([0.0] * 6)
    (tmp_path / "two").write_bytes(message.SerializeToString())
    with pytest.raises(ParseError, match="instead of one image"):
        read_binaryproto(tmp_path / "two")


def test_empty_missing_and_large_files(tmp_path, monkeypatch):
    path = tmp_path / "m"
    path.write_bytes(b"")
    with pytest.raises(ParseError, match="instead of one image"):
        read_binaryproto(path)
    with pytest.raises(ParseError, match="no such file"):
        read_binaryproto(tmp_path / "none")
    monkeypatch.setattr(xdn.settings, "MAX_MEAN_BYTES", 3)
    path.write_bytes(b"1234")
    with pytest.raises(ParseError, match="at most 3"):
        read_binaryproto(path)


def test_a_mean_has_no_scales_of_filters(tmp_path):
    path = tmp_path / "mean.binaryproto"
    head, _ = encode_blob_head((3, 2, 2), element=S8, scales=np.ones(3, np.float32))
    path.write_bytes(head + bytes(12))
    with pytest.raises(ParseError, match=r"mean.binaryproto: the mean has scales of filters"):
        read_binaryproto(path)


def test_a_mean_has_no_codes_of_a_codebook(tmp_path):
    codebook = Codebook(np.zeros((1, 1 << 16), np.float16), np.zeros(1 << 16, np.uint8))
    head, _ = encode_blob_head((1, 1 << 16, 1 << 16), codebook=codebook)
    (tmp_path / "mean.binaryproto").write_bytes(head + codebook.codes.tobytes())
    with pytest.raises(ParseError, match=r"mean.binaryproto: the mean has the codes of a codebook"):
        read_binaryproto(tmp_path / "mean.binaryproto")
