"""Deconvolution: the convolution's transpose, which spreads each input over a window of the output."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from xdn.errors import ShapeError
from xdn.graph.blob import Blob, Shape
from xdn.graph.layer import Array, ChannelAxis, ChannelRule, Side, Weights
from xdn.layers.base import layer_type, one_bottom
from xdn.layers.filters import Filters
from xdn.layers.window import Window


@layer_type("Deconvolution")
class Deconvolution(Filters):
    """Deconvolution: Y[n, k, p*stride-pad+r*dilation, ...] += W[c,k,r,s] * X[n,c,p,q], and the bias b[k].

    Its fields are the convolution's; the weight's first axis is the bottom's channels. The source is Caffe's
    deconv_layer.cpp.
    """

    v1_name: ClassVar = "DECONVOLUTION"

    def window(self) -> Window:
        """Return kernel, stride, padding and dilation of the window that is laid over the output."""
        return replace(super().window(), transposed=True)

    def filters(self, weight: Array) -> Array:
        """Return the weight (C, K/G, R, S) as a convolution's filters (K, C/G, R, S)."""
        c, k, *kernel = weight.shape
        grouped = weight.reshape(self.group, c // self.group, k, *kernel).swapaxes(1, 2)
        return grouped.reshape(self.num_output, c // self.group, *kernel)

    def output_size(self, h: int, w: int) -> tuple[int, int]:
        """Return the top's height and width; raise ShapeError where nothing is left."""
        window = self.window()
        sizes = zip((h, w), window.stride, window.extent, window.pad, strict=True)
        p, q = (stride * (size - 1) + extent - 2 * pad for size, stride, extent, pad in sizes)
        if p < 1 or q < 1:
            raise ShapeError(f"padding {window.pad} takes all of what a kernel of {window.extent} gives for {h}x{w}")
        return p, q

    def infer(self, bottoms: Sequence[Blob], n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W) -> (N, K, stride * (H - 1) + extent - 2 * pad, ...)."""
        bottom = one_bottom(bottoms, 4)
        n, _, h, w = bottom.shape
        self.check_channels(bottom)
        # A blob's bounds hold for the weights too, and for the output before its padding is cut off.
        Blob(self.weight_shapes(bottoms)["weight"])
        p, q = self.output_size(h, w)
        ph, pw = self.window().pad
        Blob((n, self.num_output, p + 2 * ph, q + 2 * pw))
        return (Blob((n, self.num_output, p, q)),)

    def weight_shapes(self, bottoms: Sequence[Blob]) -> dict[str, Shape]:
        """Weight (C, K/G, R, S), bias (K,)."""
        weight = (bottoms[0].shape[1], self.num_output // self.group, *self.window().kernel)
        return {"weight": weight} | ({"bias": (self.num_output,)} if self.bias_term else {})

    def macs(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> int:
        """N * C * H * W * K/G * R * S."""
        r, s = self.window().kernel
        return bottoms[0].size * (self.num_output // self.group) * r * s

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """One matrix product a group, then each window added to the output (col2im), as Caffe computes it."""
        x, window, g = bottoms[0], self.window(), self.group
        n, c, h, w = x.shape
        (r, s), (sh, sw), (ph, pw), (dh, dw) = window.kernel, window.stride, window.pad, window.dilation
        p, q = self.output_size(h, w)
        weight = weights["weight"].reshape(g, c // g, -1)
        columns = np.matmul(weight.transpose(0, 2, 1), x.reshape(n, g, c // g, h * w))
        columns = columns.reshape(n, self.num_output, r, s, h, w)
        padded = np.zeros((n, self.num_output, p + 2 * ph, q + 2 * pw), np.float32)
        for i in range(r):
            for j in range(s):
                rows, across = (
                    slice(i * dh, i * dh + (h - 1) * sh + 1, sh),
                    slice(j * dw, j * dw + (w - 1) * sw + 1, sw),
                )
                padded[:, :, rows, across] += columns[:, :, i, j]
        top = padded[:, :, ph : ph + p, pw : pw + q].copy()
        if self.bias_term:
            top += weights["bias"].reshape(-1, 1, 1)
        return (top,)

    def columns(self, bottom: Array, rows: Array) -> Array:
        """(G, M, C/G*R*S): for the outputs (n, p, q) the inputs that reach them, 0 where a tap falls between two."""
        window, g = self.window(), self.group
        n, c, h, w = bottom.shape
        image, p, q = np.unravel_index(rows, (n, *self.output_size(h, w)))
        found = np.zeros((len(rows), c, *window.kernel), np.float32)
        for i in range(window.kernel[0]):
            for j in range(window.kernel[1]):
                y, x = p + window.pad[0] - i * window.dilation[0], q + window.pad[1] - j * window.dilation[1]
                at_y, at_x = y // window.stride[0], x // window.stride[1]
                reached = (y % window.stride[0] == 0) & (x % window.stride[1] == 0)
                reached &= (at_y >= 0) & (at_y < h) & (at_x >= 0) & (at_x < w)
                found[reached, :, i, j] = bottom[image[reached], :, at_y[reached], at_x[reached]]
        return found.reshape(len(rows), g, -1).transpose(1, 0, 2)

    def weight_channels(self, bottoms: Sequence[Blob]) -> dict[str, tuple[ChannelAxis | None, ...]]:
        """Weight (C, K/G, R, S): where there are groups, its second axis stands for the filters of each; bias (K,)."""
        k, c, g = self.num_output, bottoms[0].shape[1], self.group
        inputs, filters = ChannelAxis(Side.BOTTOM, np.arange(c)), ChannelAxis(Side.TOP, np.arange(k))
        own = ChannelAxis(Side.TOP, np.arange(k // g)) if g == 1 else None
        return {"weight": (inputs, own, None, None)} | ({"bias": (filters,)} if self.bias_term else {})

    def channel_rule_for(self, bottoms: Sequence[Blob]) -> ChannelRule:
        """FILTERS without groups; FIXED with them."""
        return ChannelRule.FILTERS if self.group == 1 else ChannelRule.FIXED

    def narrowed(self, top: int, bottom: int, bottoms: Sequence[Blob]) -> "Deconvolution":
        """As many filters as are left."""
        return replace(self, num_output=top)
