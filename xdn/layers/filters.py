"""The parameters that Convolution, Deconvolution and Im2col share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Self

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Quantized, Weights, WeightsOnly
from xdn.layers.base import ENGINE, POSITIONED, CaffeLayer, Field, Message, fillers, one_bottom, proto
from xdn.layers.integer import contracted, with_integer_filters
from xdn.layers.window import Window, patches_at


@dataclass(frozen=True)
class Windowed(CaffeLayer):
    """Base of the layers with a window over positions; their fields are Caffe's base_conv_layer.cpp's."""

    message = Message("ConvolutionParameter", "convolution_param", 106, 10)
    unused = {
        **fillers(weight_filler=7, bias_filler=8),
        "engine": ENGINE.at(15),
        "force_nd_im2col": Field(17, "bool"),
    }

    pad: tuple[int, ...] = proto(3, "uint32", default=(), repeated=True)
    kernel_size: tuple[int, ...] = proto(4, "uint32", default=(), repeated=True)
    stride: tuple[int, ...] = proto(6, "uint32", default=(), repeated=True)
    pad_h: int = proto(9, "uint32", default=0)
    pad_w: int = proto(10, "uint32", default=0)
    kernel_h: int = proto(11, "uint32", default=0)
    kernel_w: int = proto(12, "uint32", default=0)
    stride_h: int = proto(13, "uint32", default=0)
    stride_w: int = proto(14, "uint32", default=0)
    axis: int = proto(16, "int32", default=1)
    dilation: tuple[int, ...] = proto(18, "uint32", default=(), repeated=True)

    def window(self, axes: int) -> Window:
        """Return kernel, stride, padding and dilation over so many axes of positions, such as two of images."""
        return Window.of(
            kernel=(self.kernel_size, self.kernel_h, self.kernel_w),
            stride=(self.stride, self.stride_h, self.stride_w),
            pad=(self.pad, self.pad_h, self.pad_w),
            dilation=self.dilation,
            axes=axes,
        )

    def window_over(self, bottom: Blob) -> Window:
        """Return the window over the positions of a bottom (N, C, ...)."""
        return self.window(len(bottom.shape) - 2)

    def taken(self, bottoms: Blobs) -> Blob:
        """Return the only bottom; ShapeError where it has no positions, or the channels are not axis 1."""
        bottom = one_bottom(bottoms, *POSITIONED)
        if bottom.axis(self.axis) != 1:
            raise ShapeError(f"axis {self.axis}; the channels are axis 1")
        return bottom


@dataclass(frozen=True)
class Filters(Windowed):
    """Base of the layers with K filters over a window of positions."""

    channel_rule = ChannelRule.FILTERS
    has_bf16_form = True

    num_output: int = proto(1, "uint32", default=0)
    bias_term: bool = proto(2, "bool", default=True)
    group: int = proto(5, "uint32", default=1)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W) -> (N, K, P, Q), and as much of lines and volumes, by the window's size rule."""
        bottom = self.taken(bottoms)
        n, c, *sizes = bottom.shape
        if self.num_output < 1 or self.group < 1:
            raise ShapeError(f"num_output {self.num_output} and group {self.group}; both must be positive")
        if c % self.group or self.num_output % self.group:
            raise ShapeError(f"{c} input and {self.num_output} output channels do not divide by group {self.group}")
        # A blob's bounds hold for the weights too: no file can ask for more memory than a blob may.
        window = self.window_over(bottom)
        Blob((self.num_output, c // self.group, *window.kernel))
        return (Blob((n, self.num_output, *window.output_size(sizes))),)

    def macs(self, bottoms: Blobs, tops: Blobs) -> int:
        """N * K * P * Q * C/G * R * S; of a transposed window N * C * H * W * K/G * R * S."""
        swept = bottoms[0] if self.window_over(bottoms[0]).transposed else tops[0]
        return swept.size * prod(self.weight_shapes(bottoms)["weight"][1:])

    def products(self, bottoms: Blobs) -> int:
        """C/G * R * S, at most of a transposed window."""
        return bottoms[0].shape[1] // self.group * prod(self.window_over(bottoms[0]).kernel)

    def why_real(self, bottoms: Blobs) -> str | None:
        """It has an 8-bit form."""
        return None

    def quantized_reference(
        self, bottoms: Arrays, read: Sequence[Quantized], weights: Weights, n_tops: int
    ) -> tuple[Array, ...]:
        """The same sums of integers; see `xdn.layers.integer`."""
        return contracted(self, bottoms, read[0], weights, axes_after=bottoms[0].ndim - 2)

    def with_integer_filters(self, weights: Weights, read: WeightsOnly) -> Weights:
        """The nearest integers; see `xdn.layers.integer`."""
        return with_integer_filters(self, weights, read)

    @property
    def filter_count(self) -> int:
        """As many as outputs."""
        return self.num_output

    def columns(self, bottom: Array, rows: Array) -> Array:
        """(G, M, C/G*R*S): what the window's elements meet at the outputs (n, p, q), zeros where nothing."""
        found = patches_at(bottom, self.window(bottom.ndim - 2), rows)
        return found.reshape(len(rows), self.group, -1).transpose(1, 0, 2)

    def filters(self, weight: Array) -> Array:
        """Return the weight as filters (K, C/G, R, S)."""
        return weight

    def weight_of(self, filters: Array) -> Array:
        """Return filters (K, C/G, R, S) as the weight."""
        return filters

    def depthwise(self, bottom_channels: int) -> bool:
        """Return whether each filter reads one channel only, of several."""
        return self.group > 1 and self.group == bottom_channels

    def tied_channels(self, bottoms: Blobs) -> tuple[Array, Array]:
        """Depthwise, a channel stands and falls with its filters; else all groups lose the same of their own."""
        k, c, g = self.num_output, bottoms[0].shape[1], self.group
        if self.depthwise(c):
            return np.arange(k) // (k // g), np.arange(c)
        return np.arange(k) % (k // g), k // g + np.arange(c) % (c // g)

    def narrowed(self, top: int, bottom: int, bottoms: Blobs) -> Self:
        """As many filters as are left; depthwise, as many groups as channels."""
        return replace(self, num_output=top, group=bottom if self.depthwise(bottoms[0].shape[1]) else self.group)
