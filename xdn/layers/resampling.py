"""What layers share that bring images to another size: rows, then columns, as sums with weights of their own."""

from abc import abstractmethod

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
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
    def laid_out(self, h: int, w: int, size: tuple[int, int]) -> tuple[Array, Array]:
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
        size = self.size([Blob(tuple(bottom.shape)) for bottom in bottoms])
        h, w = x.shape[2:]
        rows, columns = (lib.asarray(each, dtype=x.dtype) for each in self.laid_out(h, w, size))
        return (lib.matmul(lib.matmul(rows, x), columns.T),)
