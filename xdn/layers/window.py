"""The sliding window that convolution and pooling share."""

from dataclasses import dataclass

import numpy as np

from xdn import settings
from xdn.errors import ShapeError
from xdn.graph.layer import Array

Pair = tuple[int, int]
#: A repeated field beside its `_h` and `_w` spellings.
Spelling = tuple[tuple[int, ...], int, int]


def _pair(name: str, spelling: Spelling, default: int) -> Pair:
    """Return (height, width) of Caffe's three ways to write one extent: none, one or two values, _h and _w."""
    values, h, w = spelling
    if h or w:
        if values:
            side = name.removesuffix("_size")
            raise ShapeError(f"{name} is given both as one field and as {side}_h / {side}_w")
        return h or (default if name != "pad" else 0), w or (default if name != "pad" else 0)
    if len(values) > 2:
        raise ShapeError(f"{name} has {len(values)} values; two axes take one or two")
    if not values:
        return default, default
    return (values[0], values[-1])


@dataclass(frozen=True)
class Window:
    """Kernel, stride, padding, dilation, each (height, width) in elements.

    A window slides over the input and gives one output at each place; one that is `transposed` is laid over the output
    at each place of the input, and adds to what lies under it.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    pad: Pair = (0, 0)
    dilation: Pair = (1, 1)
    transposed: bool = False

    def source(self, axis: int, out: int, element: int = 0) -> int:
        """Return the input index along an axis whose value meets the kernel's `element` in the output `out`."""
        stride, pad, dilation = self.stride[axis], self.pad[axis], self.dilation[axis]
        if self.transposed:
            return (out + pad - element * dilation) // stride
        return out * stride - pad + element * dilation

    def meeting(self, axis: int, out: int, size: int) -> tuple[int, ...]:
        """Return the kernel's elements along an axis that meet data, of an input of `size`, in the output `out`."""
        found = (k for k in range(self.kernel[axis]) if 0 <= self.source(axis, out, k) < size)
        if not self.transposed:
            return tuple(found)
        shift, dilation, stride = out + self.pad[axis], self.dilation[axis], self.stride[axis]
        return tuple(k for k in found if (shift - k * dilation) % stride == 0)

    @staticmethod
    def of(kernel: Spelling, stride: Spelling, pad: Spelling, dilation: tuple[int, ...] = ()) -> "Window":
        """Return the window that Caffe's fields describe; raise ShapeError where they contradict."""
        values, h, w = kernel
        if not values and not (h and w):
            raise ShapeError("the kernel has no size", mend="Give kernel_size, or both kernel_h and kernel_w")
        window = Window(
            _pair("kernel_size", kernel, 0),
            _pair("stride", stride, 1),
            _pair("pad", pad, 0),
            _pair("dilation", (dilation, 0, 0), 1),
        )
        if min(window.kernel) < 1 or min(window.stride) < 1 or min(window.dilation) < 1:
            raise ShapeError(f"kernel {window.kernel}, stride {window.stride}, dilation {window.dilation}; all >= 1")
        if min(window.pad) < 0:
            raise ShapeError(f"padding {window.pad}; none is negative")
        return window

    @property
    def extent(self) -> Pair:
        """The kernel's reach with dilation."""
        (r, s), (dr, ds) = self.kernel, self.dilation
        return dr * (r - 1) + 1, ds * (s - 1) + 1

    def check_padding(self, h: int, w: int) -> None:
        """Raise ShapeError where the padded (h, w) input would be larger than any blob may be."""
        (ph, pw), (r, s) = self.pad, self.extent
        if max(h + 2 * ph, r) * max(w + 2 * pw, s) > settings.MAX_BLOB_ELEMENTS:
            raise ShapeError(f"a kernel of {self.extent} over {h}x{w} with padding {self.pad} is beyond all bounds")

    def output_size(self, h: int, w: int) -> Pair:
        """Return (P, Q) of an (h, w) input, rounded down; raise ShapeError where nothing is left."""
        self.check_padding(h, w)
        p, q = (
            (size + 2 * pad - extent) // stride + 1
            for size, pad, extent, stride in zip((h, w), self.pad, self.extent, self.stride, strict=True)
        )
        if p < 1 or q < 1:
            raise ShapeError(f"a kernel of {self.extent} does not fit into {h}x{w} with padding {self.pad}")
        return p, q


def patches(images: Array, window: Window) -> Array:
    """Return the window's elements at every position, zeros beyond the border (Caffe's im2col).

    Parameters
    ----------
    images : (N, C, H, W)
    window : Window

    Returns
    -------
    (N, C, R, S, P, Q) : a contiguous copy
    """
    n, c, h, w = images.shape
    p, q = window.output_size(h, w)
    (r, s), (sh, sw), (ph, pw), (dh, dw) = window.kernel, window.stride, window.pad, window.dilation
    padded = np.pad(images, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    out = np.empty((n, c, r, s, p, q), images.dtype)
    for i in range(r):
        for j in range(s):
            rows = slice(i * dh, i * dh + (p - 1) * sh + 1, sh)
            out[:, :, i, j] = padded[:, :, rows, j * dw : j * dw + (q - 1) * sw + 1 : sw]
    return out


def patches_at(images: Array, window: Window, places: Array) -> Array:
    """Return (M, C, R, S): the window's elements at some of the N*P*Q positions, zeros beyond the border.

    Parameters
    ----------
    images : (N, C, H, W)
    window : Window
    places : (M,) int
        Positions (n, p, q), numbered row by row.
    """
    count, _, h, w = images.shape
    n, p, q = np.unravel_index(places, (count, *window.output_size(h, w)))
    (r, s), (sh, sw), (ph, pw), (dh, dw) = window.kernel, window.stride, window.pad, window.dilation
    row = (p * sh - ph)[:, None, None] + dh * np.arange(r)[:, None]  # (M, R, 1)
    column = (q * sw - pw)[:, None, None] + dw * np.arange(s)  # (M, 1, S)
    found = images[n[:, None, None], :, row.clip(0, h - 1), column.clip(0, w - 1)]  # (M, R, S, C)
    found[(row < 0) | (row >= h) | (column < 0) | (column >= w)] = 0
    return np.moveaxis(found, 3, 1)
