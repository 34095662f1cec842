"""Permute: the axes in another order."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Move, Weights
from xdn.layers.base import Message, blobs_of, layer_type, one_bottom, proto
from xdn.layers.portable import Library, Portable


@layer_type("Permute")
class Permute(Portable):
    """Permute: top axis i is bottom axis `order[i]`; axes that `order` leaves out follow in their order.

    The source is permute_layer.cpp of the SSD branch of Caffe.
    """

    message = Message("PermuteParameter", "permute_param", 202)
    always_moves = True

    order: tuple[int, ...] = proto(1, "uint32", default=(), repeated=True)

    def axes(self, bottom: Blob) -> tuple[int, ...]:
        """Return the bottom's axis of every top axis; raise ShapeError where `order` is not one of its axes."""
        count = len(bottom.shape)
        if len(set(self.order)) != len(self.order) or not all(0 <= axis < count for axis in self.order):
            raise ShapeError(f"order {self.order} for a bottom of shape {bottom.shape}; each of its axes once at most")
        return (*self.order, *(axis for axis in range(count) if axis not in self.order))

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The bottom's extents in the new order."""
        bottom = one_bottom(bottoms)
        return (Blob(tuple(bottom.shape[axis] for axis in self.axes(bottom))),)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Each axis moved to its place."""
        axes = self.axes(blobs_of(bottoms)[0])
        return (lib.moveaxis(bottoms[0], axes, tuple(range(len(axes)))),)

    def channel_rule_for(self, bottoms: Blobs) -> ChannelRule:
        """CARRIED where batch and channels keep their places."""
        kept = len(bottoms[0].shape) > 1 and self.axes(bottoms[0])[:2] == (0, 1)
        return ChannelRule.CARRIED if kept else ChannelRule.FIXED

    def moved(self, axis: int, bottom: Blob) -> Move | None:
        """The axis of the top that is this one of the bottom, the batch left in its place."""
        axes = self.axes(bottom)
        if len(axes) <= axis or axes[0] != 0:
            return None
        return Move(axes.index(axis), np.arange(bottom.shape[axis]), np.arange(bottom.shape[axis]))

    def why_fixed(self, bottoms: Blobs) -> str:
        """The channels are another axis after it."""
        return f"lays the channels along another axis (order {self.order})"
