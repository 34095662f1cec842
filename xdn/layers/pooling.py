"""Pooling: the maximum or the average of a sliding window."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph.blob import Blob
from xdn.graph.layer import Array, ChannelRule, Weights
from xdn.layers.base import ENGINE, CaffeLayer, Message, layer_type, one_bottom, proto
from xdn.layers.window import Pair, Window

#: What Caffe's maximum starts from (-FLT_MAX): NaN and -infinity never become the result.
LOWEST = np.finfo(np.float32).min


@layer_type("Pooling")
class Pooling(CaffeLayer):
    """Pooling: MAX or AVE of R x S windows; sizes rounded up, padding counted in an average.

    The source of the rules is Caffe's pooling_layer.cpp. `round_mode` is a field of newer Caffe, `ceil_mode` its
    name in other branches and in OpenCV, where it has the same number; files are read and written as text, so
    here it stands under a number that nobody else uses.
    """

    message: ClassVar = Message("PoolingParameter", "pooling_param", 121, 19)
    v1_name: ClassVar = "POOLING"
    unused: ClassVar = {"engine": ENGINE.at(11)}
    channel_rule: ClassVar = ChannelRule.CARRIED

    pool: str = proto(1, "enum", default="MAX", values={"MAX": 0, "AVE": 1, "STOCHASTIC": 2})
    kernel_size: int = proto(2, "uint32", default=0)
    stride: int = proto(3, "uint32", default=1)
    pad: int = proto(4, "uint32", default=0)
    kernel_h: int = proto(5, "uint32", default=0)
    kernel_w: int = proto(6, "uint32", default=0)
    stride_h: int = proto(7, "uint32", default=0)
    stride_w: int = proto(8, "uint32", default=0)
    pad_h: int = proto(9, "uint32", default=0)
    pad_w: int = proto(10, "uint32", default=0)
    global_pooling: bool = proto(12, "bool", default=False)
    round_mode: str = proto(13, "enum", default="CEIL", values={"CEIL": 0, "FLOOR": 1})
    ceil_mode: bool = proto(1013, "bool", default=True)

    def window(self, h: int, w: int) -> Window:
        """Return kernel, stride and padding over an (h, w) input; ShapeError where the fields contradict."""
        window = Window.of(
            kernel=((h, w), 0, 0) if self.global_pooling else (_given(self.kernel_size, 0), *self._kernel_sides),
            stride=(_given(self.stride, 1), self.stride_h, self.stride_w),
            pad=(_given(self.pad, 0), self.pad_h, self.pad_w),
        )
        if self.global_pooling and (self.kernel_size or any(self._kernel_sides)):
            raise ShapeError("global_pooling is given together with a kernel size")
        if self.global_pooling and (window.stride, window.pad) != ((1, 1), (0, 0)):
            raise ShapeError("global_pooling is given together with a stride or padding")
        if window.pad[0] >= window.kernel[0] or window.pad[1] >= window.kernel[1]:
            raise ShapeError(f"padding {window.pad} is not smaller than the kernel {window.kernel}")
        return window

    @property
    def _kernel_sides(self) -> Pair:
        return self.kernel_h, self.kernel_w

    def output_size(self, h: int, w: int) -> Pair:
        """Return (P, Q) of an (h, w) input.

        Rounded up: ceil((H + 2 pad - R) / stride) + 1. With padding, a last window that would start behind the
        image is dropped; without padding Caffe keeps it though it holds nothing, which is refused here.
        """
        window = self.window(h, w)
        window.check_padding(h, w)
        floor = self.round_mode == "FLOOR" or not self.ceil_mode
        sizes = []
        for size, kernel, stride, pad in zip((h, w), window.kernel, window.stride, window.pad, strict=True):
            room = size + 2 * pad - kernel
            count = (room // stride if floor else -(-room // stride)) + 1
            if any(window.pad) and (count - 1) * stride >= size + pad:
                count -= 1
            if count < 1:
                raise ShapeError(f"a kernel of {window.kernel} does not fit into {h}x{w} with padding {window.pad}")
            if (count - 1) * stride >= size + pad:
                raise UnsupportedError(
                    f"the last window starts behind the image ({h}x{w}, kernel {kernel}, stride {stride})",
                    mend="A kernel not smaller than the stride, or round_mode: FLOOR, avoids it",
                )
            sizes.append(count)
        return sizes[0], sizes[1]

    def counts(self, h: int, w: int) -> Array:
        """Return (P, Q) f32, what AVE divides by: the window's elements, padding counted, up to H + pad, W + pad."""
        window = self.window(h, w)
        sides = []
        for i, (size, count) in enumerate(zip((h, w), self.output_size(h, w), strict=True)):
            start = np.arange(count) * window.stride[i] - window.pad[i]
            sides.append(np.minimum(start + window.kernel[i], size + window.pad[i]) - start)
        return np.outer(*sides).astype(np.float32)

    def infer(self, bottoms: Sequence[Blob], n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W) -> (N, C, P, Q), and as much for the places of the maxima."""
        n, c, h, w = one_bottom(bottoms, 4).shape
        if self.pool == "STOCHASTIC":
            raise UnsupportedError(
                "STOCHASTIC pooling draws at random while training, and XDN has no rule for it",
                mend="pool: AVE comes nearest at test time",
            )
        if n_tops > (2 if self.pool == "MAX" else 1):
            raise ShapeError(f"{n_tops} tops; MAX gives the maxima and their places, AVE the averages")
        return (Blob((n, c, *self.output_size(h, w))),) * max(1, n_tops)

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The windows, clipped at the border, reduced in f32."""
        h, w = bottoms[0].shape[2:]
        if self.pool == "MAX":
            windows = self._windows(bottoms[0], LOWEST)
            # fmax passes over NaN, as Caffe's comparison `value > largest` does.
            largest = np.fmax.reduce(windows, axis=(4, 5), initial=LOWEST)
            return (largest,) if n_tops < 2 else (largest, self._places(bottoms[0], largest))
        return (self._windows(bottoms[0], np.float32(0)).sum(axis=(4, 5)) / self.counts(h, w),)

    def _places(self, images: Array, largest: Array) -> Array:
        """Return where each maximum lies in its plane, rows first, of several the first; -1 where all are LOWEST."""
        h, w = images.shape[2:]
        numbers = self._windows(np.arange(h * w, dtype=np.float32).reshape(1, 1, h, w), np.float32(-1))
        found = (self._windows(images, LOWEST) == largest[..., None, None]) & (numbers >= 0)
        flat = found.reshape(*found.shape[:4], -1)
        places = np.broadcast_to(numbers.reshape(1, 1, *numbers.shape[2:4], -1), flat.shape)
        first = np.take_along_axis(places, flat.argmax(axis=-1)[..., None], -1)[..., 0]
        return np.where(flat.any(axis=-1) & (largest > LOWEST), first, np.float32(-1)).astype(np.float32)

    def _windows(self, images: Array, fill: np.float32) -> Array:
        """Return (N, C, P, Q, R, S), a view of the images with `fill` beyond the border."""
        h, w = images.shape[2:]
        window, (p, q) = self.window(h, w), self.output_size(h, w)
        (r, s), (sh, sw), (ph, pw) = window.kernel, window.stride, window.pad
        below, right = ((p - 1) * sh + r - h - ph, (q - 1) * sw + s - w - pw)
        border = ((0, 0), (0, 0), (ph, max(below, 0)), (pw, max(right, 0)))
        padded = np.pad(images, border, constant_values=fill)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (r, s), axis=(2, 3))
        return windows[:, :, ::sh, ::sw][:, :, :p, :q]


def _given(value: int, default: int) -> tuple[int, ...]:
    """Return a field as the repeated one that `Window.of` takes: empty where it has its default."""
    return () if value == default else (value,)
