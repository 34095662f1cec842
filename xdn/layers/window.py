"""The sliding window that convolution and pooling share, over lines, images and volumes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from math import gcd, prod
from types import EllipsisType

import numpy as np

from xdn import settings
from xdn.errors import ShapeError
from xdn.graph import Array

#: One number for each axis of positions: (length,), (height, width) or (depth, height, width).
Extents = tuple[int, ...]
#: A repeated field beside its `_h` and `_w` spellings.
Spelling = tuple[Extents, int, int]


def _extents(name: str, spelling: Spelling, default: int, axes: int) -> Extents:
    """Return one extent an axis of Caffe's ways to write them: none, one for all axes, one for each, _h and _w."""
    values, h, w = spelling
    if h or w:
        side = name.removesuffix("_size")
        if values:
            raise ShapeError(f"{name} is given both as one field and as {side}_h / {side}_w")
        if axes != 2:
            mend = f"Give {name} once for each axis"
            raise ShapeError(f"{side}_h / {side}_w are for images; there are {axes} axes of positions", mend=mend)
        return h or (default if name != "pad" else 0), w or (default if name != "pad" else 0)
    if len(values) not in (0, 1, axes):
        raise ShapeError(f"{name} has {len(values)} values; it takes one, or one for each of {axes} axes")
    return values if len(values) == axes else (values or (default,)) * axes


@dataclass(frozen=True, eq=False)
class Meetings:
    """Which of a kernel's elements along an axis meet data.

    Parameters
    ----------
    begin : int
        The first output that is told; those that are not meet none.
    first, count : (outputs,) int64
        The first element and how many there are; 0 and 0 where none meets data.
    step : int
        From one element to the next.
    """

    begin: int
    first: Array
    count: Array
    step: int

    @staticmethod
    def of(begin: int, low: Array, high: Array, step: int) -> "Meetings":
        """Return the meetings of the elements `low`, `low` + `step`, ... up to `high`."""
        count = np.maximum(0, (high - low) // step + 1)
        return Meetings(begin, np.where(count > 0, low, 0), count, step)


@dataclass(frozen=True)
class Window:
    """Kernel, stride, padding, dilation, each one number an axis of positions, in elements.

    A window slides over the input and gives one output at each place; one that is `transposed` is laid over the output
    at each place of the input, and adds to what lies under it. Without them, strides and dilations are 1, padding 0.
    """

    kernel: Extents
    stride: Extents = ()
    pad: Extents = ()
    dilation: Extents = ()
    transposed: bool = False

    def __post_init__(self) -> None:
        for name, default in (("stride", 1), ("pad", 0), ("dilation", 1)):
            if not getattr(self, name):
                object.__setattr__(self, name, (default,) * len(self.kernel))

    @property
    def axes(self) -> int:
        """Axes of positions over which the window slides."""
        return len(self.kernel)

    @property
    def is_point(self) -> bool:
        """Whether the window is one element that falls on data at every place."""
        return set(self.kernel) == {1} and not any(self.pad)

    def source(self, axis: int, out: int, element: int = 0) -> int:
        """Return the input index along an axis whose value meets the kernel's `element` in the output `out`."""
        return int(self.sources(axis, np.asarray(out), np.asarray(element)))

    def sources(self, axis: int, outs: Array, elements: Array) -> Array:
        """Return the same as `source` for arrays of outputs and elements."""
        stride, pad, dilation = self.stride[axis], self.pad[axis], self.dilation[axis]
        if self.transposed:
            return np.asarray((outs + pad - elements * dilation) // stride)
        return np.asarray(outs * stride - pad + elements * dilation)

    def meetings(self, axis: int, places: int, size: int) -> Meetings:
        """Return which of the kernel's elements along an axis meet data, of an input of `size`, in the outputs.

        They are computed rather than looked for: kernels and padding may be far larger than what they lie on.
        """
        kernel, stride, pad, dilation = self.kernel[axis], self.stride[axis], self.pad[axis], self.dilation[axis]
        if self.transposed:
            # Where (shift - k * dilation) / stride is a place of the input: k * dilation = shift, modulo the stride.
            shift = np.arange(places, dtype=np.int64) + pad
            common = gcd(stride, dilation)
            step = stride // common
            low = np.maximum(-((stride * (size - 1) - shift) // dilation), 0)
            low += (shift // common * pow(dilation // common, -1, step) - low) % step
            high = np.where(shift % common == 0, np.minimum(shift // dilation, kernel - 1), -1)
            return Meetings.of(0, low, high, step)
        # Outputs before and after these lie in the padding. An element k meets the input at shift + k * dilation.
        begin = end = 0
        if stride:
            begin = min(max(0, -((dilation * (kernel - 1) - pad) // stride)), places)
            end = min(max(begin, (size - 1 + pad) // stride + 1), places)
        shift = np.arange(begin, end if stride else places, dtype=np.int64) * stride - pad
        low, high = np.maximum(-(shift // dilation), 0), np.minimum((size - 1 - shift) // dilation, kernel - 1)
        return Meetings.of(begin, low, high, 1)

    def trimmed(self, sizes: Sequence[int], places: Sequence[int]) -> "Window":
        """Return the window without the border of its kernel that meets no data of `sizes` at any of its `places`.

        For windows whose elements have no weights, are side by side, and slide over the input.
        """
        kernels, pads = [], []
        for kernel, stride, pad, size, count in zip(self.kernel, self.stride, self.pad, sizes, places, strict=True):
            # The last place meets the first elements, the first place the last ones.
            first = max(0, pad - (count - 1) * stride)
            kernels.append(max(1, min(kernel, size + pad) - first))
            pads.append(pad - first)
        return replace(self, kernel=tuple(kernels), pad=tuple(pads))

    def level(self, sizes: Sequence[int], places: Sequence[int]) -> "Window":
        """Return the window with a kernel as large as the input, and at rest, along axes where every place meets all.

        For windows as `trimmed` takes them: places that meet the same are then told by the same numbers.
        """
        kernel, stride, pad = list(self.kernel), list(self.stride), list(self.pad)
        for axis, (size, count) in enumerate(zip(sizes, places, strict=True)):
            last = (count - 1) * stride[axis] - pad[axis]
            if last <= 0 and kernel[axis] - pad[axis] >= size:
                kernel[axis], stride[axis], pad[axis] = size, 0, 0
        return replace(self, kernel=tuple(kernel), stride=tuple(stride), pad=tuple(pad))

    @staticmethod
    @lru_cache(maxsize=1024)  # Asked for many times a layer, and a net's layers have few different windows.
    def of(kernel: Spelling, stride: Spelling, pad: Spelling, dilation: Extents = (), *, axes: int) -> "Window":
        """Return the window over `axes` axes that Caffe's fields describe; raise ShapeError where they contradict."""
        values, h, w = kernel
        if not values and not (h and w):
            raise ShapeError("the kernel has no size", mend="Give kernel_size, or both kernel_h and kernel_w")
        window = Window(
            _extents("kernel_size", kernel, 0, axes),
            _extents("stride", stride, 1, axes),
            _extents("pad", pad, 0, axes),
            _extents("dilation", (dilation, 0, 0), 1, axes),
        )
        if min(window.kernel) < 1 or min(window.stride) < 1 or min(window.dilation) < 1:
            raise ShapeError(f"kernel {window.kernel}, stride {window.stride}, dilation {window.dilation}; all >= 1")
        if min(window.pad) < 0:
            raise ShapeError(f"padding {window.pad}; none is negative")
        return window

    @property
    def extent(self) -> Extents:
        """The kernel's reach with dilation."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def check_padding(self, sizes: Sequence[int]) -> None:
        """Raise ShapeError where the padded input of `sizes` would be larger than any blob may be."""
        padded = (max(n + 2 * p, r) for n, p, r in zip(sizes, self.pad, self.extent, strict=True))
        if prod(padded) > settings.MAX_BLOB_ELEMENTS:
            over = by_axis(sizes)
            raise ShapeError(f"a kernel of {self.extent} over {over} with padding {self.pad} is beyond all bounds")

    def output_size(self, sizes: Sequence[int]) -> Extents:
        """Return the extents of the output for `sizes`, rounded towards zero; raise ShapeError where nothing is left.

        Caffe divides as C++ does: a window that passes the padded input by less than a stride has one place, where it
        meets zeros beyond the border (base_conv_layer.cpp, im2col.cpp). A transposed window gives an output wherever it
        lies at some place, but for the padding.
        """
        if self.transposed:
            each = zip(sizes, self.stride, self.extent, self.pad, strict=True)
            places = tuple(stride * (size - 1) + extent - 2 * pad for size, stride, extent, pad in each)
            if min(places) < 1:
                gives = f"takes all of what a kernel of {self.extent} gives for {by_axis(sizes)}"
                raise ShapeError(f"padding {self.pad} {gives}")
            return places
        self.check_padding(sizes)
        places = tuple(_quotient(room, stride) + 1 for room, stride in zip(self._room(sizes), self.stride, strict=True))
        if min(places) < 1:
            fits = f"does not fit into {by_axis(sizes)} with padding {self.pad}"
            raise ShapeError(f"a kernel of {self.extent} {fits}")
        return places

    def _room(self, sizes: Sequence[int]) -> Extents:
        """Return how far the window can move over the padded input; negative where that is smaller."""
        return tuple(n + 2 * pad - reach for n, pad, reach in zip(sizes, self.pad, self.extent, strict=True))

    def overhang(self, sizes: Sequence[int]) -> Extents:
        """Return by how much the window, at its only place along an axis, passes the padded input; 0 where it fits."""
        return tuple(max(0, -room) for room in self._room(sizes))


def _quotient(number: int, divisor: int) -> int:
    """Return the quotient by a positive divisor, rounded towards zero as in C++."""
    return number // divisor if number >= 0 else -(-number // divisor)


def by_axis(sizes: Sequence[int]) -> str:
    """Return sizes as people write them, such as 32x32."""
    return "x".join(map(str, sizes))


def patches(images: Array, window: Window) -> Array:
    """Return the window's elements at every position, zeros beyond the border (Caffe's im2col).

    Parameters
    ----------
    images : (N, C, H, W), or with as many axes after the channels as the window has
    window : Window

    Returns
    -------
    (N, C, R, S, P, Q) : a contiguous copy
    """
    n, c, *sizes = images.shape
    places = window.output_size(sizes)
    out = np.zeros((n, c, *window.kernel, *places), images.dtype)
    by_element = kernel_first(out, window)
    axes = [_reached(window, axis, size, count) for axis, (size, count) in enumerate(zip(sizes, places, strict=True))]
    # Padding is left as it is: it may be far larger than the images.
    for each in product(*axes):
        element, outs, ins = zip(*each, strict=True)
        by_element[element][..., *outs] = images[..., *ins]
    return out


def _reached(window: Window, axis: int, size: int, places: int) -> list[tuple[int, slice, slice]]:
    """Return, for each element along an axis that meets data, the element, in which outputs, and what of the input."""
    found = []
    for k in range(window.kernel[axis]):
        start, stride = k * window.dilation[axis] - window.pad[axis], window.stride[axis]
        first, end = max(0, -(start // stride)), min(places, (size - 1 - start) // stride + 1)
        if first < end:
            ins = slice(start + first * stride, start + (end - 1) * stride + 1, stride)
            found.append((k, slice(first, end), ins))
    return found


def kernel_first(columns: Array, window: Window) -> Array:
    """Return a view (R, S, N, C, ...) of columns (N, C, R, S, ...)."""
    return np.moveaxis(columns, range(2, 2 + window.axes), range(window.axes))


def met(window: Window, element: Extents, places: Sequence[int]) -> tuple[EllipsisType | slice, ...]:
    """Return the index, along the last axes of a padded array, of what an element of the window meets at each place."""
    steps = zip(element, window.dilation, window.stride, places, strict=True)
    return (..., *(slice(k * d, k * d + (p - 1) * stride + 1, stride) for k, d, stride, p in steps))


def patches_at(images: Array, window: Window, places: Array) -> Array:
    """Return (M, C, R, S): what the window's elements meet at some of the N*P*Q outputs, zeros where nothing.

    Parameters
    ----------
    images : (N, C, H, W), or with as many axes after the channels as the window has
    window : Window
    places : (M,) int
        Outputs (n, p, q), numbered row by row.
    """
    count, _, *sizes = images.shape
    n, *outs = np.unravel_index(places, (count, *window.output_size(sizes)))
    at, outside = [], np.zeros((len(places), *window.kernel), bool)
    for axis, (out, size) in enumerate(zip(outs, sizes, strict=True)):
        elements = np.arange(window.kernel[axis])
        source = window.sources(axis, out[:, None], elements)  # (M, kernel along the axis)
        missed = (source < 0) | (source >= size)
        if window.transposed:
            # Between two places of the input.
            missed |= (out[:, None] + window.pad[axis] - elements * window.dilation[axis]) % window.stride[axis] != 0
        others = [1 + other for other in range(window.axes) if other != axis]
        source = np.expand_dims(source, others)
        outside |= np.expand_dims(missed, others)
        at.append(source.clip(0, size - 1))
    found = np.moveaxis(images, 1, -1)[(n.reshape(-1, *(1,) * window.axes), *at)]  # (M, R, S, C)
    found[outside] = 0
    return np.moveaxis(found, -1, 1)
