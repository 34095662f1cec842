"""A packed file as a data set, for those who want labelled images wherever they are from."""

import numpy as np

from xdn.data.dataset import Dataset
from xdn.data.packed import PackedData
from xdn.graph import Array


class Mapped(Dataset):
    """The images of a packed file, u8 or f32 as it holds them.

    Parameters
    ----------
    data : PackedData
    """

    def __init__(self, data: PackedData):
        header = data.header
        self.name, self.title, self.split, self.classes = header.dataset, header.title, header.split, header.classes
        self.channel_order, self.shape, self.labels = header.channel_order, header.shape[1:], data.labels
        self.preprocessing, self.origin = header.preprocessing, str(data.path.resolve())
        self._pixels = data.images

    def _images(self, start: int, stop: int) -> Array:
        return np.asarray(self._pixels[start:stop])


def as_dataset(data: PackedData | Dataset) -> Dataset:
    """Return `data` as a data set."""
    return Mapped(data) if isinstance(data, PackedData) else data
