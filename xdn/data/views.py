"""Any data set in another form: its first images alone, its channels in another order."""

from collections.abc import Callable
from typing import Any

from xdn.data.dataset import GREY, Dataset
from xdn.errors import DataError
from xdn.graph import Array


class View(Dataset):
    """Another data set's images, each range changed on its way.

    Parameters
    ----------
    dataset : Dataset
    changed : callable
        Images (n, H, W, C) of the data set -> those of the view.
    differing
        The attributes that are not the data set's own.
    """

    def __init__(self, dataset: Dataset, changed: Callable[[Array], Array], **differing: Any):
        self._dataset, self._changed = dataset, changed
        for name in Dataset.__annotations__:
            setattr(self, name, differing.get(name, getattr(dataset, name)))

    def content(self) -> bytes:
        """Return what tells the images of the other data set from others."""
        return self._dataset.content()

    def _images(self, start: int, stop: int) -> Array:
        return self._changed(self._dataset.images(start, stop))


def first_images(dataset: Dataset, count: int | None) -> Dataset:
    """Return the data set with its first `count` images alone; all of them for None, or where it has no more."""
    if count is None or count >= len(dataset):
        return dataset
    return View(dataset, lambda images: images, labels=dataset.labels[:count])


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
    return View(dataset, lambda images: images[..., ::-1], channel_order=order)
