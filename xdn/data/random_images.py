"""Seeded random images of any size: a net's time needs no others."""

import numpy as np

from xdn.data.dataset import Dataset
from xdn.graph import Array


class RandomImages(Dataset):
    """Pixels from 0 to 255, all alike; there is nothing to tell classes by.

    Parameters
    ----------
    count : int
    shape : (H, W, C)
    """

    name, title, split = "random", "random images", "test"
    classes = ("none",)
    channel_order = "bgr"

    def __init__(self, count: int, shape: tuple[int, int, int]):
        self.preprocessing: dict[str, str] = {}
        self.labels, self.shape = np.zeros(count, np.int32), shape

    def _images(self, start: int, stop: int) -> Array:
        # Each image by itself, so that it is the same in every range.
        rngs = map(np.random.default_rng, range(start, stop))
        images = [rng.integers(0, 256, self.shape, np.uint8) for rng in rngs]
        return np.stack(images) if images else np.empty((0, *self.shape), np.uint8)
