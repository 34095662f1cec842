"""Any data set with its channels in another order."""

from xdn.data.dataset import GREY, Dataset
from xdn.errors import DataError
from xdn.graph import Array


def reordered(dataset: Dataset, order: str) -> Dataset:
    """Return the data set with its images' channels in the order `order`, ``"rgb"`` or ``"bgr"``.

    Raises
    ------
    DataError
        Where the images are grey.
    """
    if dataset.channel_order == order:
        return dataset
    if dataset.channel_order == GREY:
        what = f"grey images have one channel, which no order {order} turns round"
        raise DataError(what, where=dataset.title, mend="Leave out --data-order")
    return _Reversed(dataset, order)


class _Reversed(Dataset):
    def __init__(self, dataset: Dataset, order: str):
        self.name, self.title, self.split = dataset.name, dataset.title, dataset.split
        self.origin, self.preprocessing = dataset.origin, dataset.preprocessing
        self.classes, self.labels, self.shape = dataset.classes, dataset.labels, dataset.shape
        self.channel_order = order
        self._dataset = dataset

    def _images(self, start: int, stop: int) -> Array:
        return self._dataset.images(start, stop)[..., ::-1]
