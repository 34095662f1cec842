"""The mean image of a data set."""

import numpy as np

from xdn import settings
from xdn.data.dataset import Dataset, Progress
from xdn.element import real
from xdn.graph import Array


def mean_image(dataset: Dataset, progress: Progress | None = None) -> Array:
    """Return the mean of all images, f32 (C, H, W), channels in the data set's order.

    Caffe's compute_image_mean computes the same, with sums in f32; these are in f64, which are exact for bytes.
    """
    total = np.zeros(dataset.shape, np.float64)
    for images in dataset.batches(settings.PACK_IMAGES, progress):
        total += images.sum(axis=0, dtype=np.float64)
    return np.ascontiguousarray((total / len(dataset)).transpose(2, 0, 1), real)
