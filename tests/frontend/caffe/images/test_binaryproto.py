"""Mean images: read what Caffe wrote, write what others read."""

import numpy as np
import pytest

import xdn.settings
from xdn.errors import DataError, ParseError
from xdn.frontend.caffe.images.binaryproto import read_binaryproto, write_binaryproto
from xdn.frontend.caffe.text import schema


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
