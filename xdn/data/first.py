"""The first images of any data set."""

from xdn.data.dataset import Dataset
from xdn.graph import Array


def first_images(dataset: Dataset, count: int | None) -> Dataset:
    """Return the data set with its first `count` images alone; all of them for None, or where it has no more."""
    return dataset if count is None or count >= len(dataset) else _First(dataset, count)


class _First(Dataset):
    def __init__(self, dataset: Dataset, count: int):
        self.name, self.title, self.split = dataset.name, dataset.title, dataset.split
        self.origin, self.preprocessing = dataset.origin, dataset.preprocessing
        self.classes, self.labels, self.shape = dataset.classes, dataset.labels[:count], dataset.shape
        self.channel_order = dataset.channel_order
        self._dataset = dataset

    def _images(self, start: int, stop: int) -> Array:
        return self._dataset.images(start, stop)
