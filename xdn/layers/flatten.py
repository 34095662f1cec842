"""Flatten: several neighbouring axes become one."""

from math import prod

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Move, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, one_bottom, proto
from xdn.layers.rowmajor import reshaped


@layer_type("Flatten", v1_name="FLATTEN")
class Flatten(CaffeLayer):
    """Flatten: the axes from `axis` to `end_axis`, both included, become one.

    The source is Caffe's flatten_layer.cpp.
    """

    message = Message("FlattenParameter", "flatten_param", 135)
    channel_rule = ChannelRule.CARRIED
    always_moves = True

    axis: int = proto(1, "int32", default=1)
    end_axis: int = proto(2, "int32", default=-1)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(..., d_axis, ..., d_end, ...) -> (..., d_axis * ... * d_end, ...)."""
        bottom = one_bottom(bottoms)
        start, end = bottom.axis(self.axis), bottom.axis(self.end_axis)
        if start > end:
            raise ShapeError(f"axis {self.axis} comes after end_axis {self.end_axis} in {bottom.shape}")
        shape = bottom.shape
        return (Blob((*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The same values in the same order."""
        (top,) = self.infer([Blob(bottoms[0].shape)], n_tops)
        return (bottoms[0].reshape(top.shape).copy(),)

    def channel_rule_for(self, bottoms: Blobs) -> ChannelRule:
        """CARRIED, but FIXED where the batch axis is flattened too."""
        with_batch = len(bottoms[0].shape) < 2 or bottoms[0].axis(self.axis) == 0
        return ChannelRule.FIXED if with_batch else ChannelRule.CARRIED

    def channel_map(self, bottom: int, bottoms: Blobs) -> Array:
        """Flattened with what follows, a channel becomes a block of top channels; else it stays."""
        blob = bottoms[bottom]
        flattened = blob.shape[2 : blob.axis(self.end_axis) + 1] if blob.axis(self.axis) == 1 else ()
        return np.repeat(np.arange(blob.shape[1]), prod(flattened))

    def moved(self, axis: int, bottom: Blob) -> Move | None:
        """The axis of the top that holds the channels, whole ones or by rows."""
        (top,) = self.infer([bottom], 1)
        return reshaped(bottom.shape, top.shape, axis) if len(bottom.shape) > axis else None

    def why_fixed(self, bottoms: Blobs) -> str:
        """The batch is flattened too, or what reads the top cannot follow the channels."""
        (top,) = self.infer(bottoms, 1)
        return f"flattens {bottoms[0].shape} to {top.shape}, where channels lie among other things"
