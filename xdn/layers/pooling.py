"""Pooling: the maximum or the average of a sliding window over images, or over lines and volumes."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from math import prod

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Quantized, Weights
from xdn.layers.base import ENGINE, POSITIONED, CaffeLayer, Message, layer_type, one_bottom, proto
from xdn.layers.pad import same_border
from xdn.layers.window import Extents, Window, by_axis, met

#: What Caffe's maximum starts from (-FLT_MAX): NaN and -infinity never become the result.
LOWEST = np.finfo(np.float32).min
#: Of so many 8-bit integers the sum fits into 32 bits.
_MOST_AVERAGED = (2**31 - 1) // 255
#: Of the last two, Synopsys', one is the older name of the other; reading turns both into AVE.
METHODS = {"MAX": 0, "AVE": 1, "STOCHASTIC": 2, "AVE_EXC_PAD": 3, "AVE_TF": 4}
#: TensorFlow's "SAME", as `pad_type` says it.
_SAME = 1


@layer_type("Pooling", "Pooling3D", "POOLING3D", "PoolingFloat", "PoolingSK", v1_name="POOLING")
class Pooling(CaffeLayer):
    """Pooling: MAX or AVE of R x S windows; sizes rounded up, padding counted in an average.

    The source of the rules is Caffe's pooling_layer.cpp. As in convolutions, kernel_size, stride and pad may be given
    once for each axis of positions: lines, images or volumes. `round_mode` is a field of newer Caffe, `ceil_mode` its
    name in other branches and in OpenCV, where it has the same number; files are read and written as text, so here it
    stands under a number that nobody else uses. Synopsys' Caffe has a padding for each side (`pad_t`, `pad_b`, `pad_l`,
    `pad_r`), TensorFlow's "SAME" (`pad_type: 1`), and an average of what lies within the image, which reading turns
    into `count_padding: false`, a word of ours. In Greentea (naibaf7's Caffe) the elements of a window of a MAX may be
    `dilation` apart.
    """

    message = Message("PoolingParameter", "pooling_param", 121, 19)
    unused = {"engine": ENGINE.at(11)}
    channel_rule = ChannelRule.CARRIED
    has_bf16_form = True

    pool: str = proto(1, "enum", default="MAX", values=METHODS)
    kernel_size: tuple[int, ...] = proto(2, "uint32", default=(), repeated=True)
    stride: tuple[int, ...] = proto(3, "uint32", default=(), repeated=True)
    pad: tuple[int, ...] = proto(4, "uint32", default=(), repeated=True)
    kernel_h: int = proto(5, "uint32", default=0)
    kernel_w: int = proto(6, "uint32", default=0)
    stride_h: int = proto(7, "uint32", default=0)
    stride_w: int = proto(8, "uint32", default=0)
    pad_h: int = proto(9, "uint32", default=0)
    pad_w: int = proto(10, "uint32", default=0)
    global_pooling: bool = proto(12, "bool", default=False)
    round_mode: str = proto(13, "enum", default="CEIL", values={"CEIL": 0, "FLOOR": 1})
    ceil_mode: bool = proto(1013, "bool", default=True)
    pad_t: int = proto(2003, "uint32", default=0)
    pad_b: int = proto(2004, "uint32", default=0)
    pad_l: int = proto(2005, "uint32", default=0)
    pad_r: int = proto(2006, "uint32", default=0)
    pad_type: int = proto(2007, "uint32", default=0)
    dilation: tuple[int, ...] = proto(2008, "uint32", default=(), repeated=True)
    count_padding: bool = proto(20190, "bool", default=True)

    def window(self, sizes: Sequence[int]) -> Window:
        """Return kernel, stride and padding over an input of `sizes`; ShapeError where the fields contradict."""
        kernel = (_given(self.kernel_size, 0), self.kernel_h, self.kernel_w)
        window = Window.of(
            kernel=(tuple(sizes), 0, 0) if self.global_pooling else kernel,
            stride=(_given(self.stride, 1), self.stride_h, self.stride_w),
            pad=(_given(self.pad, 0), self.pad_h, self.pad_w),
            dilation=self.dilation,
            axes=len(sizes),
        )
        if self._apart:
            if any(window.pad) or len(sizes) != 2 or self.pad_type not in (0, _SAME) or self.global_pooling:
                what = "padding for each side is for images, and is given alone"
                raise ShapeError(what, mend="Give pad_t, pad_b, pad_l and pad_r, or pad_type: 1")
            window = replace(window, pad=tuple(before for before, _ in self._borders(window, sizes)))
        if self.global_pooling and any(kernel):
            raise ShapeError("global_pooling is given together with a kernel size")
        if self.is_dilated and (self._apart or self.pool != "MAX"):
            raise UnsupportedError("a dilation together with an average, or with padding for each side")
        if self.global_pooling and window != Window(window.kernel):
            raise ShapeError("global_pooling is given together with a stride or padding")
        if min(self.pad_t, self.pad_b, self.pad_l, self.pad_r) < 0:
            raise ShapeError("a padding is negative")
        sides = zip(self._borders(window, sizes), window.kernel, strict=True)
        if any(max(pads) >= kernel for pads, kernel in sides):
            raise ShapeError(f"padding {window.pad} is not smaller than the kernel {window.kernel}")
        return window

    @property
    def is_dilated(self) -> bool:
        """Whether the elements of a window are apart."""
        return any(each != 1 for each in self.dilation)

    @property
    def _apart(self) -> bool:
        """Whether the padding is stated for each side by itself."""
        return bool(self.pad_type or self.pad_t or self.pad_b or self.pad_l or self.pad_r)

    def _borders(self, window: Window, sizes: Sequence[int]) -> list[tuple[int, int]]:
        """Return what is laid before and after each axis of `sizes`."""
        if self.pad_type:
            return [same_border(*each) for each in zip(sizes, window.kernel, window.stride, strict=True)]
        if self._apart:
            return [(self.pad_t, self.pad_b), (self.pad_l, self.pad_r)]
        return [(pad, pad) for pad in window.pad]

    def ends(self, sizes: Sequence[int]) -> Extents:
        """Return the padding after each axis of `sizes`; that before it is the window's."""
        return tuple(after for _, after in self._borders(self.window(sizes), sizes))

    def output_size(self, sizes: Sequence[int]) -> Extents:
        """Return (P, Q) of an input of `sizes` (H, W), and as much of one with other axes of positions.

        Rounded up: ceil((H + 2 pad - R) / stride) + 1. With padding, a last window that would start past the
        image is dropped; without padding Caffe keeps it though it holds nothing, which is refused here.
        """
        window, over = self.window(sizes), by_axis(sizes)
        window.check_padding(sizes)
        floor = self.round_mode == "FLOOR" or not self.ceil_mode
        places = []
        borders = self._borders(window, sizes)
        for size, kernel, stride, (pad, end) in zip(sizes, window.extent, window.stride, borders, strict=True):
            room = size + pad + end - kernel
            count = (room // stride if floor or self.pad_type else -(-room // stride)) + 1
            if any(map(any, borders)) and (count - 1) * stride >= size + pad:
                count -= 1
            if count < 1:
                raise ShapeError(f"a kernel of {window.kernel} does not fit into {over} with padding {window.pad}")
            if (count - 1) * stride >= size + pad:
                what = f"the last window starts past the end of the image ({over}, kernel {kernel}, stride {stride})"
                mend = "A kernel not smaller than the stride, or round_mode: FLOOR, avoids it"
                raise UnsupportedError(what, mend=mend)
            places.append(count)
        return tuple(places)

    def counts(self, sizes: Sequence[int]) -> Array:
        """Return (P, Q) f32, what AVE divides by: elements of a window up to H + pad, W + pad, or within the image."""
        window = self.window(sizes)
        sides = []
        each = zip(sizes, self.output_size(sizes), self._borders(window, sizes), strict=True)
        for i, (size, count, (pad, end)) in enumerate(each):
            start = np.arange(count) * window.stride[i] - pad
            stop = np.minimum(start + window.kernel[i], size + end)
            sides.append(stop - start if self.count_padding else np.minimum(stop, size) - np.maximum(start, 0))
        return reduce(np.multiply.outer, sides).astype(np.float32)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W) -> (N, C, P, Q), of a volume (N, C, O, P, Q), and as much for the indices of the maxima."""
        n, c, *sizes = one_bottom(bottoms, *POSITIONED).shape
        if self.pool == "STOCHASTIC":
            what = "STOCHASTIC pooling draws at random while training; reading a file makes other layers of it"
            raise UnsupportedError(what, mend="pool: AVE comes nearest at test time")
        if n_tops > (2 if self.pool == "MAX" and not self.is_dilated else 1):
            raise ShapeError(f"{n_tops} tops; MAX gives the maxima and their indices, AVE the averages")
        return (Blob((n, c, *self.output_size(sizes))),) * max(1, n_tops)

    def selects_only(self, bottoms: Blobs, n_tops: int) -> bool:
        """The maximum, and what a window of one element averages: itself; whatever the size of the images.

        Not of elements that are apart, which no kernel reads.
        """
        if self.is_dilated:
            return False
        window = None if self.global_pooling else self.window(bottoms[0].shape[2:])
        return n_tops == 1 and (self.pool == "MAX" or (window is not None and window.is_point))

    def why_real(self, bottoms: Blobs) -> str | None:
        """The average has an 8-bit form."""
        if self.pool != "AVE":
            return self._why_maximum_is_real
        sizes = bottoms[0].shape[2:]
        most = prod(self.window(sizes).trimmed(sizes, self.output_size(sizes)).kernel)
        return None if most <= _MOST_AVERAGED else f"averages {most} values, whose sum may not fit into 32 bits"

    def why_no_bf16(self, bottoms: Blobs) -> str | None:
        """The average has a form for bf16."""
        return None if self.pool == "AVE" else self._why_maximum_is_real

    @property
    def _why_maximum_is_real(self) -> str:
        """Why a maximum that does not only select takes f32."""
        return "reads elements that are apart" if self.is_dilated else "gives the indices of maxima too"

    def jumps(self, n_tops: int) -> bool:
        """The indices of the maxima, where they are asked for."""
        return n_tops > 1

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The windows, clipped at the border, reduced in f32; the maximum of integers is one of them."""
        sizes = bottoms[0].shape[2:]
        kernel_axes = tuple(range(-len(sizes), 0))
        if self.pool == "MAX":
            whole = np.issubdtype(bottoms[0].dtype, np.integer)
            lowest = np.iinfo(bottoms[0].dtype).min if whole else LOWEST
            if self.is_dilated:
                return (self._maxima_apart(bottoms[0], lowest),)
            windows = self._windows(bottoms[0], lowest)
            # fmax passes over NaN, as Caffe's comparison `value > largest` does.
            largest = np.fmax.reduce(windows, axis=kernel_axes, initial=lowest)
            return (largest,) if n_tops < 2 else (largest, self._indices(bottoms[0], largest))
        if np.issubdtype(bottoms[0].dtype, np.integer):  # of windows of one element
            return (self._windows(bottoms[0], 0).squeeze(kernel_axes).copy(),)
        return (self._windows(bottoms[0], np.float32(0)).sum(axis=kernel_axes) / self.counts(sizes),)

    def quantized_reference(
        self, bottoms: Arrays, read: Sequence[Quantized], weights: Weights, n_tops: int
    ) -> tuple[Array, ...]:
        """f32(the sum of a window's integers) * f32(scale / count): the quotient and the product are rounded once."""
        sizes = bottoms[0].shape[2:]
        sums = self._windows(bottoms[0], 0).sum(axis=tuple(range(-len(sizes), 0)), dtype=np.int64)
        return (sums.astype(np.float32) * (np.float32(read[0].scale) / self.counts(sizes)),)

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """The bottom with its border; for the indices of maxima every window, four times."""
        sizes, places = bottoms[0].shape[2:], tops[0].shape[2:]
        window = self.window(sizes).trimmed(sizes, places)
        border = (size + pad + kernel for size, pad, kernel in zip(sizes, window.pad, window.kernel, strict=True))
        padded = prod(bottoms[0].shape[:2]) * prod(border)
        windows = 4 * tops[0].size * prod(window.kernel) if len(tops) > 1 else 0
        return (padded + windows) * np.dtype(np.float32).itemsize + 2 * tops[0].bytes

    def _indices(self, images: Array, largest: Array) -> Array:
        """Return where each maximum lies in its plane, rows first, of several the first; -1 where all are LOWEST."""
        sizes = images.shape[2:]
        numbered = np.arange(prod(sizes), dtype=np.float32).reshape(1, 1, *sizes)
        numbers = self._windows(numbered, np.float32(-1)).reshape(1, 1, *largest.shape[2:], -1)
        flat = self._windows(images, LOWEST).reshape(*largest.shape, -1)
        flat = (flat == largest[..., None]) & (numbers >= 0)
        indices = np.broadcast_to(numbers, flat.shape)
        first = np.take_along_axis(indices, flat.argmax(axis=-1)[..., None], -1)[..., 0]
        return np.where(flat.any(axis=-1) & (largest > LOWEST), first, np.float32(-1)).astype(np.float32)

    def _maxima_apart(self, images: Array, lowest: float | np.float32) -> Array:
        """Return the maxima of windows whose elements are apart, element by element."""
        sizes = images.shape[2:]
        window, places = self.window(sizes), self.output_size(sizes)
        ends = zip(places, window.stride, window.extent, sizes, window.pad, strict=True)
        after = [max(0, (p - 1) * stride + reach - size - pad) for p, stride, reach, size, pad in ends]
        padded = np.pad(images, ((0, 0), (0, 0), *zip(window.pad, after, strict=True)), constant_values=lowest)
        found = np.full((*images.shape[:2], *places), lowest, images.dtype)
        for element in np.ndindex(*window.kernel):
            np.fmax(found, padded[met(window, element, places)], out=found)
        return found

    def _windows(self, images: Array, fill: float | np.float32) -> Array:
        """Return (N, C, P, Q, R, S), a view of the images with `fill` beyond the border."""
        sizes = images.shape[2:]
        places = self.output_size(sizes)
        window = self.window(sizes).trimmed(sizes, places)
        ends = zip(places, window.stride, window.kernel, sizes, window.pad, strict=True)
        after = [max(0, (p - 1) * stride + r - size - pad) for p, stride, r, size, pad in ends]
        border = ((0, 0), (0, 0), *zip(window.pad, after, strict=True))
        padded = np.pad(images, border, constant_values=fill)
        windows = np.lib.stride_tricks.sliding_window_view(padded, window.kernel, axis=tuple(range(2, images.ndim)))
        starts = zip(places, window.stride, strict=True)
        return windows[:, :, *(slice(0, (p - 1) * stride + 1, stride) for p, stride in starts)]


def _given(values: Extents, default: int) -> Extents:
    """Return a field as `Window.of` takes it: empty where it says only its default, as exporters write it."""
    return () if set(values) == {default} else values
