"""Unpooling: what a pooling gave, laid out over as large an image as it read."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import CaffeLayer, Message, blobs_of, layer_type, misfit, proto
from xdn.layers.upsample import put_back
from xdn.layers.window import Spelling, Window

#: Ways to lay values out, as forks call them; those from FIXED on are of CentredUnpooling.
METHODS: Final[Mapping[str, int]] = {"MAX": 0, "AVE": 1, "TILE": 2, "FIXED": 2000, "DIV": 2001, "REP": 2002}
_OWN = ("MAX", "AVE", "TILE")


@layer_type("Unpooling")
class Unpooling(CaffeLayer):
    """Unpooling: MAX puts each value where its maximum was, TILE into its whole window, AVE a share of it there.

    A second bottom is the mask of a max pooling; without it a value goes to its window's first place. Where windows
    overlap, TILE and AVE add up. The top's size is `unpool_size`, or `unpool_h` and `unpool_w`, or what the windows
    reach, one more than they are apart at least. The source is unpooling_layer.cpp of DeconvNet's Caffe (Noh et al.
    2015), which has no padding either.
    """

    message = Message("UnpoolingParameter", "unpooling_param", 2076)
    channel_rule = ChannelRule.CARRIED

    unpool: str = proto(1, "enum", default="MAX", values=METHODS)
    kernel_size: int = proto(2, "uint32", default=0)
    stride: int = proto(3, "uint32", default=1)
    pad: int = proto(4, "uint32", default=0)
    kernel_h: int = proto(5, "uint32", default=0)
    kernel_w: int = proto(6, "uint32", default=0)
    stride_h: int = proto(7, "uint32", default=0)
    stride_w: int = proto(8, "uint32", default=0)
    pad_h: int = proto(9, "uint32", default=0)
    pad_w: int = proto(10, "uint32", default=0)
    unpool_size: int = proto(11, "uint32", default=0)
    unpool_h: int = proto(12, "uint32", default=0)
    unpool_w: int = proto(13, "uint32", default=0)

    def window(self) -> Window:
        """Return kernel and stride; ShapeError where the fields contradict."""
        if self.pad or self.pad_h or self.pad_w:
            raise ShapeError("a padding; its Caffe takes none")
        kernel: Spelling = ((self.kernel_size,) if self.kernel_size else (), self.kernel_h, self.kernel_w)
        stride: Spelling = (() if self.stride_h or self.stride_w else (self.stride,), self.stride_h, self.stride_w)
        return Window.of(kernel=kernel, stride=stride, pad=((), 0, 0), axes=2)

    def output_size(self, h: int, w: int) -> tuple[int, int]:
        """Return the top's height and width."""
        if bool(self.unpool_h) != bool(self.unpool_w) or (self.unpool_size and self.unpool_h):
            raise ShapeError("give unpool_size, or unpool_h and unpool_w")
        window = self.window()
        each = zip((h, w), window.kernel, window.stride, strict=True)
        reached = [max((size - 1) * stride + kernel, size * stride + 1) for size, kernel, stride in each]
        return self.unpool_size or self.unpool_h or reached[0], self.unpool_size or self.unpool_w or reached[1]

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W), and a mask of that shape or none -> (N, C, P, Q)."""
        if self.unpool not in _OWN:
            raise ShapeError(f"unpool: {self.unpool} is CentredUnpooling's", mend=f"Known: {', '.join(_OWN)}")
        masks = bottoms[1:]
        if len(masks) > (self.unpool == "MAX") or any(len(bottom.shape) != 4 for bottom in bottoms) or not bottoms:
            raise misfit(bottoms, "(N, C, H, W), and with unpool: MAX a mask or none")
        if any(mask.shape != bottoms[0].shape for mask in masks):
            raise misfit(bottoms, "a mask of the shape of the values")
        n, c, h, w = bottoms[0].shape
        places = self.output_size(h, w)
        self._products(bottoms, places)
        return (Blob((n, c, *places)),)

    def _products(self, bottoms: Blobs, places: tuple[int, int]) -> tuple[Blob, ...]:
        """Return the matrices of `laid_out` and the first product, none with a mask; none may be more than a blob."""
        (n, c, h, w), (p, q) = bottoms[0].shape, places
        return () if len(bottoms) > 1 else (Blob((p, h)), Blob((q, w)), Blob((n, c, p, w)))

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """The matrices and the first product, twice, and the top."""
        p, q = tops[0].shape[2:]
        return 2 * sum(blob.bytes for blob in (*self._products(bottoms, (p, q)), *tops))

    def laid_out(self, bottoms: Blobs) -> tuple[Array, Array]:
        """Return the matrices (P, H) and (Q, W) that say which rows, and which columns, go where, and by what share."""
        (h, w), window, made = bottoms[0].shape[2:], self.window(), []
        sizes = zip((h, w), self.output_size(h, w), window.kernel, window.stride, strict=True)
        for places, extent, kernel, stride in sizes:
            begins, at = np.arange(places) * stride, np.arange(extent)[:, None]
            if self.unpool == "MAX":
                begins = np.minimum(begins, extent - 1)
                # Of several at one place the last.
                last = np.append(begins[1:] != begins[:-1], True)
                made.append(((at == begins) & last).astype(np.float32))
                continue
            over = ((at >= begins) & (at < begins + kernel)).astype(np.float32)
            made.append(over / np.maximum(over.sum(axis=0), 1) if self.unpool == "AVE" else over)
        return made[0], made[1]

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Values at their mask's places; or sums of rows and of columns, which are products with matrices."""
        x = bottoms[0]
        h, w = x.shape[2:]
        if len(bottoms) > 1:
            return (put_back(x, bottoms[1], self.output_size(h, w)),)
        rows, columns = self.laid_out(blobs_of(bottoms))
        return (np.matmul(np.matmul(rows, x), columns.T),)
