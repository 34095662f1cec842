"""Any data set at another image size."""

import numpy as np

from xdn.data.dataset import Dataset, Size
from xdn.data.decode import resize, resize_record
from xdn.data.folder import ImageFiles
from xdn.graph import Array


def resized(dataset: Dataset, size: Size) -> Dataset:
    """Return the data set with its images resized, bilinear, to (height, width) = `size`."""
    if isinstance(dataset, ImageFiles):
        return dataset.at_size(size)
    return dataset if dataset.shape[:2] == size else _Resized(dataset, size)


class _Resized(Dataset):
    def __init__(self, dataset: Dataset, size: Size):
        self.name, self.title, self.split = dataset.name, dataset.title, dataset.split
        self.origin = dataset.origin
        self.classes, self.labels = dataset.classes, dataset.labels
        self.channel_order = dataset.channel_order
        self.shape = (*size, dataset.shape[2])
        self.preprocessing = dataset.preprocessing | resize_record(size)
        self._dataset, self._size = dataset, size

    def _images(self, start: int, stop: int) -> Array:
        images = np.empty((stop - start, *self.shape), np.uint8)
        for out, image in zip(images, self._dataset.images(start, stop), strict=True):
            out[...] = resize(image, self._size)
        return images
