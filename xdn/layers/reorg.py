"""Reorg: positions into channels, as YOLOv2 does it."""

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import Message, blobs_of, layer_type, one_bottom, proto
from xdn.layers.portable import Library, Portable


@layer_type("Reorg")
class Reorg(Portable):
    """Reorg: (N, C, H, W) -> (N, C * stride**2, H / stride, W / stride), in the order of Darknet's reorg layer.

    That order is not the usual space-to-depth: the values of an image are read as (C / stride**2, H, stride, W,
    stride), the two axes of `stride` are put first, and what comes out is cut into rows of the new width. `reverse`
    is not the inverse of that: it reads (stride, stride, C / stride**2, H, W) and puts each axis of `stride` after its
    own.
    """

    message = Message("ReorgParameter", "reorg_param", 2003)
    always_moves = True

    stride: int = proto(1, "uint32", default=0)
    reverse: bool = proto(2, "bool", default=False)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Positions become channels, or with `reverse` channels become positions."""
        n, c, h, w = one_bottom(bottoms, 4).shape
        s = self.stride
        if s < 1 or c % (s * s) or (not self.reverse and (h % s or w % s)):
            raise ShapeError(f"a bottom of shape {bottoms[0].shape} does not divide by stride {s}")
        return (Blob((n, c // (s * s), h * s, w * s) if self.reverse else (n, c * s * s, h // s, w // s)),)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The loop of reorg_cpu as one transposition."""
        n, c, h, w = bottoms[0].shape
        s = self.stride
        (top,) = self.infer(blobs_of(bottoms), n_tops)
        if self.reverse:
            parted = lib.moveaxis(bottoms[0].reshape(n, s, s, c // (s * s), h, w), (1, 2), (3, 5))
        else:
            parted = lib.moveaxis(bottoms[0].reshape(n, c // (s * s), h, s, w, s), (3, 5), (1, 2))
        return (parted.reshape(top.shape),)
