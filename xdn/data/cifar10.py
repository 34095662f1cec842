"""CIFAR-10, in its python and its binary version."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from xdn.data.dataset import DATASETS, DatasetKind, Progress
from xdn.data.download import Archive, download
from xdn.data.pickles import load_cifar_pickle
from xdn.errors import DataError
from xdn.files import read_bounded
from xdn.graph import Array

PYTHON_FOLDER, BINARY_FOLDER = "cifar-10-batches-py", "cifar-10-batches-bin"
BATCHES = {"train": tuple(f"data_batch_{i}" for i in range(1, 6)), "test": ("test_batch",)}
SIDE = 32
PIXEL_BYTES = 3 * SIDE * SIDE
#: A record of the binary version: one byte of label, then the pixels.
RECORD_BYTES = 1 + PIXEL_BYTES
#: The most images that one batch file may hold; the official ones hold 10,000.
MAX_BATCH_IMAGES = 20_000
#: The official archive of the python version.
ARCHIVE = Archive(
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    md5="c58f30108f718f92721af3b95e74349a",
    members=tuple(f"{PYTHON_FOLDER}/{name}" for name in (*BATCHES["train"], *BATCHES["test"], "batches.meta")),
)

Reader = Callable[[Path], tuple[Array, Array]]


@DATASETS.register("cifar10")
class Cifar10(DatasetKind):
    """CIFAR-10: 50,000 + 10,000 photos of ten classes, 32x32 (Krizhevsky 2009), R,G,B.

    Source of both formats: https://www.cs.toronto.edu/~kriz/cifar.html

    Parameters
    ----------
    planes : (N, 3, 32, 32) u8
        The images, planes R, G, B, as in the files.
    labels : (N,) int32
        0..9.
    split : str
        ``"train"`` or ``"test"``.
    """

    name = "cifar10"
    title = "CIFAR-10"
    classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    channel_order = "rgb"
    shape = (SIDE, SIDE, 3)

    def __init__(self, planes: Array, labels: Array, split: str):
        self._planes, self.labels, self.split = planes, labels, split
        self.preprocessing: dict[str, str] = {}

    @classmethod
    def find(cls, folder: Path, split: str) -> "Cifar10":
        """Return the split from `folder`, which holds the official folder or is it; the python version is preferred."""
        for read, files in _whole_versions(folder, split):
            planes, labels = (np.concatenate(parts) for parts in zip(*map(read, files), strict=True))
            return cls(planes.reshape(-1, 3, SIDE, SIDE), labels, split)
        raise DataError(
            f"CIFAR-10 ({split}) is not here: neither {PYTHON_FOLDER} nor {BINARY_FOLDER} with all its batches",
            where=str(folder),
            mend="Say where it is with --data DIR or XDN_DATA, or fetch it with --download",
        )

    @classmethod
    def is_in(cls, folder: Path, split: str) -> bool:
        """Return whether `folder` holds all batches of the split in either version."""
        return bool(_whole_versions(folder, split))

    @classmethod
    def fetch(cls, folder: Path, progress: Progress | None = None) -> None:
        """Download the python version from its official address."""
        download(ARCHIVE, folder, progress)

    def _images(self, start: int, stop: int) -> Array:
        return np.ascontiguousarray(self._planes[start:stop].transpose(0, 2, 3, 1))


def _whole_versions(folder: Path, split: str) -> list[tuple[Reader, list[Path]]]:
    """Return reader and batch files of every place where the whole split lies, the preferred first."""
    versions = (
        (read, [place / f"{batch}{suffix}" for batch in BATCHES[split]])
        for name, suffix, read in ((PYTHON_FOLDER, "", _read_python), (BINARY_FOLDER, ".bin", _read_binary))
        for place in (folder / name, folder)
    )
    return [(read, files) for read, files in versions if all(file.is_file() for file in files)]


def _read_python(path: Path) -> tuple[Array, Array]:
    """Return the pixels (n, 3072) and labels of one pickled batch."""
    batch = load_cifar_pickle(path)
    pixels, labels = batch.get("data"), batch.get("labels")
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != PIXEL_BYTES:
        raise _damaged(path, f"its data is not an array of {PIXEL_BYTES} bytes an image")
    if not isinstance(labels, list) or len(labels) != len(pixels):
        raise _damaged(path, f"it holds no list of {len(pixels)} labels")
    return pixels, _checked_labels(path, labels)


def _read_binary(path: Path) -> tuple[Array, Array]:
    """Return the pixels (n, 3072) and labels of one binary batch."""
    raw = np.frombuffer(read_bounded(path, MAX_BATCH_IMAGES * RECORD_BYTES), np.uint8)
    if not raw.size or raw.size % RECORD_BYTES:
        raise _damaged(path, f"{raw.size} bytes are not a whole number of records of {RECORD_BYTES} bytes")
    records = raw.reshape(-1, RECORD_BYTES)
    return records[:, 1:], _checked_labels(path, records[:, 0].tolist())


def _checked_labels(path: Path, labels: list[Any]) -> Array:
    known = len(Cifar10.classes)
    if not labels or any(type(label) is not int or not 0 <= label < known for label in labels):
        raise _damaged(path, f"its labels are not all numbers from 0 to {known - 1}")
    return np.array(labels, np.int32)


def _damaged(path: Path, what: str) -> DataError:
    return DataError(f"no CIFAR-10 batch: {what}", where=str(path), mend="Fetch CIFAR-10 again with --download")
