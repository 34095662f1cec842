"""Downsample: images of a smaller size, each place a weighted mean of those that become one."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Blobs
from xdn.layers.base import Message, layer_type, proto
from xdn.layers.resampling import Resampling, shares, stated_size


@layer_type("Downsample")
class Downsample(Resampling):
    """Downsample: to `top_height` x `top_width`, or the size of a second bottom, corners on corners; LINEAR means.

    The means are taken over as many places, to either side, as become one along each axis. The source is
    downsample_layer.cu of FlowNet (Dosovitskiy et al. 2015), which leaves out what is not a number; here a mean of such
    is not one either. Images of one row or column, for which it divides by zero, are refused but where they stay.
    """

    message = Message("DownsampleParameter", "downsample_param", 2220)

    top_height: int = proto(1, "uint32", default=0)
    top_width: int = proto(2, "uint32", default=0)

    def size(self, bottoms: Blobs) -> tuple[int, int]:
        """Return `top_height` and `top_width`, or the size of a second bottom."""
        size = stated_size(bottoms, self.top_height, self.top_width)
        if min(*size, *bottoms[0].shape[2:]) < 2 and size != bottoms[0].shape[2:]:
            raise ShapeError(f"images of {bottoms[0].shape[2:]} to {size}; both have two rows and columns at least")
        return size

    def laid_out(self, bottoms: Blobs) -> tuple[Array, Array]:
        """Return the matrices (P, H) and (Q, W), f32, that say how much each row, and column, gives to each."""
        rows, columns = map(_tents, bottoms[0].shape[2:], self.size(bottoms))
        return rows, columns


def _tents(size: int, wanted: int) -> Array:
    """Return the weights (wanted, size) along an axis: the nearer a place, the greater."""
    if size == wanted:
        return np.eye(size, dtype=np.float32)
    last = np.float32(wanted - 1)
    step, places = np.float32(size - 1) / last, np.arange(size)
    at = np.arange(wanted, dtype=np.float32) / last * np.float32(size - 1)
    weights = np.maximum(1 - np.abs(places.astype(np.float32) - at[:, None]) / step, 0)
    return shares(weights)
