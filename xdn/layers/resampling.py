"""What layers share that bring images to another size: rows, then columns, as sums with weights of their own."""

from abc import abstractmethod

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import blobs_of, misfit
from xdn.layers.interpolation import heightened_bytes
from xdn.layers.portable import Library, Portable

#: Numbers of the matrices that say how places lie to each other; more would not fit.
_MOST_WEIGHTS = 1 << 26


class Resampling(Portable):
    """Base of the layers whose top is rows @ images @ columns.T, each place a weighted mean of places of the bottom."""

    channel_rule = ChannelRule.CARRIED

    @abstractmethod
    def size(self, bottoms: Blobs) -> tuple[int, int]:
        """Return the top's height and width; a typed error where the bottoms or the parameters do not fit."""

    @abstractmethod
    def laid_out(self, bottoms: Blobs) -> tuple[Array, Array]:
        """Return the matrices (P, H) and (Q, W), f32, that say how much each row, and column, gives to each."""

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W) -> (N, C, P, Q)."""
        size, (n, c, *sizes) = self.size(bottoms), bottoms[0].shape
        if max(old * new for old, new in zip(sizes, size, strict=True)) > _MOST_WEIGHTS:
            raise ShapeError(f"images of {bottoms[0].shape[2:]} to {size}; so long ones are not taken")
        return (Blob((n, c, *size)),)

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """Also what is between rows and columns."""
        return super().reference_bytes(bottoms, tops) + heightened_bytes(bottoms[0], tops[0].shape[2])

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Rows, then columns, as products with matrices."""
        x = bottoms[0]
        rows, columns = (lib.asarray(each, dtype=x.dtype) for each in self.laid_out(blobs_of(bottoms)))
        return (lib.matmul(lib.matmul(rows, x), columns.T),)


def check_images(bottoms: Blobs) -> None:
    """Raise ShapeError where the bottoms are not images, and a blob of the size that is wanted or none."""
    if len(bottoms) not in (1, 2) or any(len(bottom.shape) != 4 for bottom in bottoms):
        raise misfit(bottoms, "images (N, C, H, W), and a blob of the size that is wanted or none")


def stated_size(bottoms: Blobs, height: int, width: int) -> tuple[int, int]:
    """Return the height and width of a second bottom, or those that are stated; ShapeError where there are none."""
    check_images(bottoms)
    size = bottoms[1].shape[2:] if len(bottoms) == 2 else (height, width)
    if min(size) < 1:
        raise ShapeError(f"height {size[0]} and width {size[1]}; give both, or a second bottom")
    return size[0], size[1]


def shares(weights: Array) -> Array:
    """Return weights (P, H) divided by the sum of their row, f32; zeros where that is 0."""
    total = weights.sum(axis=1, keepdims=True)
    found: Array = np.divide(weights, total, out=np.zeros_like(weights), where=total != 0)
    return found
