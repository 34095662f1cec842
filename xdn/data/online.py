"""Decode and preprocess batch by batch at run time: the contest's starting point, to compare packed data with."""

from collections.abc import Iterator

from xdn.data.dataset import Dataset
from xdn.data.pixels import PixelTransform
from xdn.graph import Array


def online_batches(dataset: Dataset, transform: PixelTransform, batch: int) -> Iterator[Array]:
    """Yield the data set's images in order, decoded and transformed, f32 (n, C, h, w), n = `batch` but the last."""
    for start in range(0, len(dataset), batch):
        yield transform.apply(dataset.images(start, min(start + batch, len(dataset))))
