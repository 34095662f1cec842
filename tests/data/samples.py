"""Small data sets that the tests of several modules share."""

import pickle
from pathlib import Path

import cv2
import numpy as np

from xdn.data.dataset import Dataset


def cifar_arrays(rng, count):
    """Return random planes (n, 3, 32, 32) and labels."""
    return rng.integers(0, 256, (count, 3, 32, 32), np.uint8), rng.integers(0, 10, count).tolist()


def write_cifar_python(folder: Path, rng, count=7) -> dict[str, tuple]:
    """Write all batches of the python version as Python 3 pickles of the official dictionary; return the contents."""
    place = folder / "cifar-10-batches-py"
    place.mkdir(parents=True)
    contents = {}
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        planes, labels = contents[name] = cifar_arrays(rng, count)
        batch = {
            b"batch_label": name.encode(),
            b"labels": labels,
            b"data": planes.reshape(count, -1),
            b"filenames": [b"a_%d.png" % i for i in range(count)],
        }
        (place / name).write_bytes(pickle.dumps(batch, protocol=2))
    (place / "batches.meta").write_bytes(pickle.dumps({b"label_names": [b"airplane"], b"num_vis": 3072}, protocol=2))
    return contents


def write_cifar_binary(folder: Path, rng, count=5) -> dict[str, tuple]:
    """Write all batches of the binary version; return the contents."""
    place = folder / "cifar-10-batches-bin"
    place.mkdir(parents=True)
    contents = {}
    for name in [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]:
        planes, labels = contents[name] = cifar_arrays(rng, count)
        records = [bytes([label]) + image.tobytes() for label, image in zip(labels, planes, strict=True)]
        (place / f"{name}.bin").write_bytes(b"".join(records))
    return contents


def write_image_folder(folder: Path, rng, sizes, classes=("beta", "alpha")) -> dict[str, list]:
    """Write one PNG a size into each class's folder; return class -> images (H, W, 3), B,G,R."""
    images = {}
    for name in classes:
        (folder / name).mkdir(parents=True)
        images[name] = [rng.integers(0, 256, (h, w, 3), np.uint8) for h, w in sizes]
        for number, image in enumerate(images[name]):
            (folder / name / f"{number}.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
    return images


class ArrayDataset(Dataset):
    """Images that lie in memory."""

    name = "arrays"
    title = "Arrays"
    split = "test"

    def __init__(self, pixels, labels, classes=("a", "b", "c"), channel_order="rgb"):
        self.pixels, self.labels = pixels, np.asarray(labels, np.int32)
        self.classes, self.channel_order = classes, channel_order
        self.shape = pixels.shape[1:]
        self.preprocessing = {}

    def _images(self, start, stop):
        return self.pixels[start:stop]
