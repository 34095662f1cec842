"""Upsample: positions repeated, or values put back where a maximum was taken."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import CaffeLayer, Field, Message, layer_type, misfit, proto


def put_back(x: Array, mask: Array, size: tuple[int, int]) -> Array:
    """Return (N, C, P, Q) with every value of x at its mask's index, of several at one the last, none outside.

    Parameters
    ----------
    x, mask : (N, C, H, W)
        The mask numbers the places of `size` row by row.
    size : (P, Q)
    """
    n, c = x.shape[:2]
    p, q = size
    top = np.zeros((n * c, p * q), x.dtype)
    indices, values = mask.reshape(n * c, -1), x.reshape(n * c, -1)
    within = (indices >= 0) & (indices < p * q)
    rows = np.broadcast_to(np.arange(n * c)[:, None], indices.shape)
    top[rows[within], indices[within].astype(np.int64)] = values[within]
    return top.reshape(n, c, p, q)


@layer_type("Upsample")
class Upsample(CaffeLayer):
    """Upsample: each position `scale` times `scale` times, or, with a mask, each value at its index and zeros around.

    One bottom is the layer of Darknet's ports (YOLOv3). Two are SegNet's: the second is the mask of a max pooling,
    which numbers positions in rows of the top's width; `upsample_h` and `upsample_w` are the top's size where it is not
    `scale` times the bottom's (Badrinarayanan et al. 2015).
    """

    message = Message("UpsampleParameter", "upsample_param", 2007)
    #: Cambricon's; a second bottom, or none, tells as much.
    unused = {"nearestneighbor_mode": Field(2000, "bool")}
    channel_rule = ChannelRule.CARRIED

    scale: int = proto(1, "uint32", default=0)
    scale_h: int = proto(2, "uint32", default=0)
    scale_w: int = proto(3, "uint32", default=0)
    pad_out_h: bool = proto(4, "bool", default=False)
    pad_out_w: bool = proto(5, "bool", default=False)
    upsample_h: int = proto(6, "uint32", default=0)
    upsample_w: int = proto(7, "uint32", default=0)

    def factors(self) -> tuple[int, int]:
        """Return by how much height and width grow."""
        return self.scale_h or self.scale or 2, self.scale_w or self.scale or 2

    def output_size(self, h: int, w: int) -> tuple[int, int]:
        """Return the top's height and width."""
        by_h, by_w = self.factors()
        return self.upsample_h or h * by_h - self.pad_out_h, self.upsample_w or w * by_w - self.pad_out_w

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W), and a mask of that shape or none -> (N, C, P, Q)."""
        if len(bottoms) not in (1, 2) or any(len(bottom.shape) != 4 for bottom in bottoms):
            raise misfit(bottoms, "(N, C, H, W), and a mask or none")
        if bottoms[-1].shape != bottoms[0].shape:
            raise ShapeError(f"a mask of shape {bottoms[1].shape} for a bottom of shape {bottoms[0].shape}")
        n, c, h, w = bottoms[0].shape
        size = self.output_size(h, w)
        whole = (h * self.factors()[0], w * self.factors()[1])
        if len(bottoms) == 1 and size != whole:
            raise ShapeError(f"{h}x{w} to {size[0]}x{size[1]} without a mask; positions are repeated {whole} only")
        return (Blob((n, c, *size)),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Repeat; or put every value at its mask's index, of several at one the last, none outside of the top."""
        x = bottoms[0]
        h, w = x.shape[2:]
        if len(bottoms) == 1:
            return (x.repeat(self.factors()[0], axis=2).repeat(self.factors()[1], axis=3),)
        return (put_back(x, bottoms[1], self.output_size(h, w)),)

    def moves_only(self, bottoms: Blobs) -> bool:
        """Without a mask, which says where a value goes only when it is there."""
        return len(bottoms) == 1
