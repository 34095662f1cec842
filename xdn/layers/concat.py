"""Concat: blobs laid one after the other along one axis."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import Message, blobs_of, layer_type, proto
from xdn.layers.portable import Library, Portable


@layer_type("Concat", v1_name="CONCAT")
class Concat(Portable):
    """Concat: the bottoms one after the other along `axis` (`concat_dim` is its old name).

    The source is Caffe's concat_layer.cpp.
    """

    message = Message("ConcatParameter", "concat_param", 104, 9)
    channel_rule = ChannelRule.CARRIED
    always_moves = True

    axis: int = proto(2, "int32", default=1)
    concat_dim: int | None = proto(1, "uint32", default=None)

    def along(self, bottom: Blob) -> int:
        """Return the axis, counted from the front; raise ShapeError where the bottom has no such axis."""
        if self.concat_dim is None:
            return bottom.axis(self.axis)
        if self.axis not in (1, self.concat_dim):
            raise ShapeError(f"axis {self.axis} and concat_dim {self.concat_dim} are both given")
        return bottom.axis(self.concat_dim)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The bottoms' extents along the axis are summed; the others must agree."""
        if not bottoms:
            raise ShapeError("0 bottoms; it takes one or more")
        axis = self.along(bottoms[0])
        before, after = bottoms[0].shape[:axis], bottoms[0].shape[axis + 1 :]
        for bottom in bottoms:
            same_axes = len(bottom.shape) == len(bottoms[0].shape)
            if not same_axes or bottom.shape[:axis] != before or bottom.shape[axis + 1 :] != after:
                raise ShapeError(f"bottoms of shapes {bottoms[0].shape} and {bottom.shape} along axis {axis}")
        return (Blob((*before, sum(bottom.shape[axis] for bottom in bottoms), *after)),)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The bottoms' values, copied."""
        return (lib.concatenate(tuple(bottoms), self.along(blobs_of(bottoms)[0])),)

    def channel_rule_for(self, bottoms: Blobs) -> ChannelRule:
        """CARRIED along every axis, given that there are channels."""
        return ChannelRule.CARRIED if len(bottoms[0].shape) > 1 else ChannelRule.FIXED

    def channel_map(self, bottom: int, bottoms: Blobs) -> Array:
        """Along the channels: those of `bottom` at their place in the top, none elsewhere."""
        counts = [b.shape[1] for b in bottoms]
        if self.along(bottoms[0]) != 1:
            return np.arange(counts[bottom])
        parts = [np.arange(count) if number == bottom else np.full(count, -1) for number, count in enumerate(counts)]
        return np.concatenate(parts)
