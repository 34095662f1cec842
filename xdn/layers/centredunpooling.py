"""CentredUnpooling: what a pooling gave, laid out over windows that may overlap and have a padding."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Blobs
from xdn.layers.base import Message, layer_type, proto
from xdn.layers.resampling import Resampling, check_images
from xdn.layers.unpooling import METHODS
from xdn.layers.window import Spelling, Window

_SPREADING = ("FIXED", "DIV", "REP")


@layer_type("CentredUnpooling", "UnPooling")
class CentredUnpooling(Resampling):
    """CentredUnpooling: FIXED puts each value into its window's middle, REP into all of it, DIV a share of it there.

    Where windows overlap, REP and DIV give the mean, and FIXED the last of several at one place. A second bottom has
    the size that is wanted: then windows are as long as they are apart, and what they reach beyond it is cut off on
    both sides, which of an odd number leaves one. The source is unpooling_layer.cpp of extended-caffe, which calls it
    UnPooling.
    """

    message = Message("UnpoolingParameter", "unpooling_param", 2076)

    unpool: str = proto(1, "enum", default="FIXED", values=METHODS)
    out_kernel_size: int = proto(2001, "uint32", default=0)
    out_kernel_h: int = proto(2002, "uint32", default=0)
    out_kernel_w: int = proto(2003, "uint32", default=0)
    out_stride: int = proto(2004, "uint32", default=1)
    out_stride_h: int = proto(2005, "uint32", default=0)
    out_stride_w: int = proto(2006, "uint32", default=0)
    out_pad: int = proto(2007, "uint32", default=0)
    out_pad_h: int = proto(2008, "uint32", default=0)
    out_pad_w: int = proto(2009, "uint32", default=0)

    def window(self, bottoms: Blobs) -> Window:
        """Return kernel, stride and padding; ShapeError where the fields contradict, or the padding is no part."""
        window = self._over(bottoms) if len(bottoms) == 2 else self._stated()
        if any(pad >= kernel for pad, kernel in zip(window.pad, window.kernel, strict=True)):
            raise ShapeError(f"a padding of {window.pad} for windows of {window.kernel}; it is smaller")
        return window

    def _stated(self) -> Window:
        def spelled(whole: int, h: int, w: int) -> Spelling:
            return (whole,) if whole and not (h or w) else (), h, w

        return Window.of(
            kernel=spelled(self.out_kernel_size, self.out_kernel_h, self.out_kernel_w),
            stride=spelled(self.out_stride, self.out_stride_h, self.out_stride_w),
            pad=spelled(self.out_pad, self.out_pad_h, self.out_pad_w),
            axes=2,
        )

    @staticmethod
    def _over(bottoms: Blobs) -> Window:
        """Return the windows that cover the size of the second bottom."""
        sizes, wanted = (bottom.shape[2:] for bottom in bottoms)
        step = tuple(-(-new // old) for old, new in zip(sizes, wanted, strict=True))
        beyond = zip(sizes, step, wanted, strict=True)
        return Window(step, step, tuple((old * by - new) // 2 for old, by, new in beyond), (1, 1))

    def size(self, bottoms: Blobs) -> tuple[int, int]:
        """Return the top's height and width."""
        check_images(bottoms)
        if self.unpool not in _SPREADING:
            raise ShapeError(f"unpool: {self.unpool}; known: {', '.join(_SPREADING)}")
        window, sizes = self.window(bottoms), bottoms[0].shape[2:]
        each = zip(sizes, window.stride, window.pad, window.kernel, strict=True)
        p, q = ((size - 1) * stride - 2 * pad + kernel for size, stride, pad, kernel in each)
        if min(p, q) < 1:
            raise ShapeError(f"images of {sizes} to {(p, q)}; the padding leaves nothing")
        return p, q

    def laid_out(self, bottoms: Blobs) -> tuple[Array, Array]:
        """Return the matrices (P, H) and (Q, W), f32, that say how much each row, and column, gives to each."""
        window = self.window(bottoms)
        each = zip(bottoms[0].shape[2:], self.size(bottoms), window.kernel, window.stride, window.pad, strict=True)
        rows, columns = (self._weights(*along) for along in each)
        return rows, columns

    def _weights(self, size: int, wanted: int, kernel: int, stride: int, pad: int) -> Array:
        """Return the weights (wanted, size) along an axis."""
        begins, at = np.arange(size) * stride - pad, np.arange(wanted)[:, None]
        if self.unpool == "FIXED":
            middles = np.trunc((2 * begins + kernel - 1) / 2).astype(np.int64).clip(0, wanted - 1)
            # Of several at one place the last.
            last = np.append(middles[1:] != middles[:-1], True)
            chosen: Array = ((at == middles) & last).astype(np.float32)
            return chosen
        over = ((at >= begins) & (at < begins + kernel)).astype(np.float32)
        spread: Array = over / np.maximum(over.sum(axis=1, keepdims=True), 1)
        if self.unpool == "REP":
            return spread
        # Windows end with the padding after the last place.
        spread /= np.maximum(np.minimum(begins + kernel, wanted + pad) - begins, 1).astype(np.float32)
        return spread
