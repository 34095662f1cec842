"""Im2col: what a convolution's window meets at each place, as channels."""

from math import prod

import numpy as np

from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import layer_type
from xdn.layers.filters import Windowed
from xdn.layers.window import patches


@layer_type("Im2col", v1_name="IM2COL")
class Im2col(Windowed):
    """Im2col: (N, C, H, W) -> (N, C * R * S, P, Q), the values under each place of an R x S window as channels.

    Lines and volumes go as images do. The source is Caffe's im2col_layer.cpp.
    """

    always_moves = True

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """As many channels as the window has elements, times those of the bottom; sizes as a convolution's."""
        bottom = self.taken(bottoms)
        n, c, *sizes = bottom.shape
        window = self.window_over(bottom)
        return (Blob((n, c * prod(window.kernel), *window.output_size(sizes))),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Zeros beyond the border."""
        n, c, *sizes = bottoms[0].shape
        window = self.window(len(sizes))
        made = patches(bottoms[0], window)
        return (made.reshape(n, c * prod(window.kernel), *window.output_size(sizes)),)

    def picking(self, channels: int, axes: int) -> Array:
        """Return filters (C * R * S, 1, R, S) of a depthwise convolution that computes the same from finite values."""
        kernel = self.window(axes).kernel
        one_channel = np.eye(prod(kernel), dtype=np.float32).reshape(-1, 1, *kernel)
        return np.tile(one_channel, (channels, 1, *(1,) * axes))
