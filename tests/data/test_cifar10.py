import hashlib
import lzma
import pickle

import cv2
import numpy as np
import pytest

from tests.data.samples import write_cifar_binary, write_cifar_python
from xdn.data.cifar10 import ARCHIVE, Cifar10
from xdn.errors import DataError, XdnError


def interleaved(planes):
    """Return planes (N, 3, H, W) as (N, H, W, 3), pixel by pixel."""
    return np.stack([planes[:, 0], planes[:, 1], planes[:, 2]], axis=-1)


@pytest.mark.parametrize("write", [write_cifar_python, write_cifar_binary])
def test_reads_both_versions(tmp_path, rng, write):
    contents = write(tmp_path, rng)
    test = Cifar10.find(tmp_path, "test")
    planes, labels = contents["test_batch"]
    np.testing.assert_array_equal(test.images(), interleaved(planes))
    np.testing.assert_array_equal(test.images(2, 4), interleaved(planes)[2:4])
    assert test.labels.tolist() == labels
    assert test.labels.dtype == np.int32
    assert (test.shape, test.channel_order, test.split) == ((32, 32, 3), "rgb", "test")

    train = Cifar10.find(tmp_path, "train")
    batches = [contents[f"data_batch_{i}"] for i in range(1, 6)]
    np.testing.assert_array_equal(train.images(), np.concatenate([interleaved(p) for p, _ in batches]))
    assert train.labels.tolist() == [label for _, labels in batches for label in labels]


def test_the_official_folder_itself_may_be_given(tmp_path, rng):
    write_cifar_python(tmp_path, rng)
    assert Cifar10.is_in(tmp_path / "cifar-10-batches-py", "train")
    assert len(Cifar10.find(tmp_path / "cifar-10-batches-py", "test")) == 7


def test_the_python_version_is_preferred(tmp_path, rng):
    write_cifar_binary(tmp_path, rng)
    write_cifar_python(tmp_path, rng)
    assert len(Cifar10.find(tmp_path, "test")) == 7


def test_a_missing_data_set_names_place_and_flags(tmp_path):
    assert not Cifar10.is_in(tmp_path, "test")
    with pytest.raises(DataError, match=rf"{tmp_path}.*--data DIR or XDN_DATA.*--download"):
        Cifar10.find(tmp_path, "test")


@pytest.mark.parametrize(
    "change",
    [
        {b"labels": [0, 1, 10]},
        {b"labels": [0, 1, -1]},
        {b"labels": [0, 1]},
        {b"labels": [0, 1, "2"]},
        {b"labels": 3},
        {b"data": np.zeros((3, 3071), np.uint8)},
        {b"data": b"bytes"},
        {b"data": np.zeros((0, 3072), np.uint8), b"labels": []},
    ],
)
def test_a_wrong_python_batch_is_refused(tmp_path, rng, change):
    write_cifar_python(tmp_path, rng)
    file = tmp_path / "cifar-10-batches-py" / "test_batch"
    batch = {b"labels": [0, 1, 2], b"data": np.zeros((3, 3072), np.uint8)}
    file.write_bytes(pickle.dumps(batch, protocol=2))
    assert len(Cifar10.find(tmp_path, "test")) == 3
    file.write_bytes(pickle.dumps(batch | change, protocol=2))
    with pytest.raises(XdnError, match=r"test_batch: .*batch"):
        Cifar10.find(tmp_path, "test")


@pytest.mark.parametrize("content", [b"", bytes(3072), bytes(3073 * 2 + 1), b"\x0a" + bytes(3072)])
def test_a_wrong_binary_batch_is_refused(tmp_path, rng, content):
    write_cifar_binary(tmp_path, rng)
    (tmp_path / "cifar-10-batches-bin" / "test_batch.bin").write_bytes(content)
    with pytest.raises(DataError, match=r"test_batch\.bin: no CIFAR-10 batch"):
        Cifar10.find(tmp_path, "test")


def test_the_archive_is_the_published_one():
    assert ARCHIVE.url == "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    assert ARCHIVE.md5 == "c58f30108f718f92721af3b95e74349a"
    assert len(ARCHIVE.members) == 7


def test_the_official_test_batch(tmp_path, material):
    """Rebuilt from lossless sheets and the bytes around the pixels, and checked against the published md5."""
    blob, parts, at = lzma.decompress(material("cifar10", "frames.xz").read_bytes()), [], 0
    while at < len(blob):
        size = int.from_bytes(blob[at : at + 4], "little")
        parts.append(blob[at + 4 : at + 4 + size])
        at += 4 + size
    sheets = [cv2.imread(str(material("cifar10", f"test_batch_{k}.webp")))[:, :, ::-1] for k in range(10)]
    tiles = np.concatenate([sheet.reshape(50, 32, 20, 32, 3).swapaxes(1, 2).reshape(-1, 32, 32, 3) for sheet in sheets])
    raw = parts[-2] + tiles.transpose(0, 3, 1, 2).tobytes() + parts[-1]
    assert hashlib.md5(raw).hexdigest() == "40351d587109b95175f43aff81a1287e"
    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / "cifar-10-batches-py" / "test_batch").write_bytes(raw)

    test = Cifar10.find(tmp_path, "test")
    np.testing.assert_array_equal(test.images(0, 10_000), tiles)
    assert np.bincount(test.labels).tolist() == [1000] * 10
    assert [test.classes[label] for label in test.labels[:4]] == ["cat", "ship", "ship", "airplane"]
