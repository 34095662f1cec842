"""Any data set at another image size."""

import numpy as np

from xdn.data.dataset import Dataset, Size
from xdn.data.decode import resize, resize_record
from xdn.data.folder import ImageFiles
from xdn.data.views import View
from xdn.graph import Array


def resized(dataset: Dataset, size: Size) -> Dataset:
    """Return the data set with its images resized, bilinear, to (height, width) = `size`."""
    if isinstance(dataset, ImageFiles):
        return dataset.at_size(size)
    if dataset.shape[:2] == size:
        return dataset
    shape = (*size, dataset.shape[2])

    def changed(images: Array) -> Array:
        found = np.empty((len(images), *shape), np.uint8)
        for out, image in zip(found, images, strict=True):
            out[...] = resize(image, size)
        return found

    return View(dataset, changed, shape=shape, preprocessing=dataset.preprocessing | resize_record(size))
