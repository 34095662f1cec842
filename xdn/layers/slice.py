"""Slice: one blob cut into several along one axis."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import Message, blobs_of, layer_type, one_bottom, proto
from xdn.layers.portable import Library, Portable


@layer_type("Slice", v1_name="SLICE")
class Slice(Portable):
    """Slice: the tops are the parts of the bottom between the `slice_point`s along `axis`, equal parts without any.

    `slice_dim` is the axis's old name. The source is Caffe's slice_layer.cpp.
    """

    message = Message("SliceParameter", "slice_param", 126, 31)
    channel_rule = ChannelRule.CARRIED
    always_moves = True

    axis: int = proto(3, "int32", default=1)
    slice_point: tuple[int, ...] = proto(2, "uint32", default=(), repeated=True)
    slice_dim: int | None = proto(1, "uint32", default=None)

    def along(self, bottom: Blob) -> int:
        """Return the axis, counted from the front; raise ShapeError where the bottom has no such axis."""
        if self.slice_dim is None:
            return bottom.axis(self.axis)
        if self.axis not in (1, self.slice_dim):
            raise ShapeError(f"axis {self.axis} and slice_dim {self.slice_dim} are both given")
        return bottom.axis(self.slice_dim)

    def ends(self, bottom: Blob, n_tops: int) -> tuple[int, ...]:
        """Return where the parts begin and end, 0 and the axis's extent included."""
        axis = self.along(bottom)
        extent = bottom.shape[axis]
        if n_tops < 1:
            raise ShapeError("0 tops; it gives one or more")
        if not self.slice_point:
            if extent % n_tops:
                raise ShapeError(f"{extent} along axis {axis} do not divide into {n_tops} equal tops")
            return tuple(range(0, extent + 1, extent // n_tops))
        if len(self.slice_point) != n_tops - 1:
            raise ShapeError(f"{len(self.slice_point)} slice_point for {n_tops} tops; one less than tops are needed")
        ends = (0, *self.slice_point, extent)
        if any(begin >= end for begin, end in pairwise(ends)):
            what = f"slice_point {self.slice_point} along an axis of {extent}"
            raise ShapeError(f"{what}; they must lie within, ascending")
        return ends

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The bottom's shape, with each part's extent along the axis."""
        bottom = one_bottom(bottoms)
        axis, shape = self.along(bottom), bottom.shape
        extents = (end - begin for begin, end in pairwise(self.ends(bottom, n_tops)))
        return tuple(Blob((*shape[:axis], extent, *shape[axis + 1 :])) for extent in extents)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The parts."""
        (bottom,) = blobs_of(bottoms)
        before = (slice(None),) * self.along(bottom)
        return tuple(bottoms[0][*before, begin:end] for begin, end in pairwise(self.ends(bottom, n_tops)))

    def carried_part(self, top: int, n_tops: int, bottoms: Blobs) -> slice:
        """Along the channels, those of the part; along another axis every top has them all."""
        if self.along(bottoms[0]) != 1:
            return slice(None)
        return slice(*self.ends(bottoms[0], n_tops)[top : top + 2])

    def carrying(self, tops: Sequence[int], bottoms: Blobs) -> "Slice":
        """Parts as long as what is left of each; parts that stay equal need no points that did without."""
        if self.along(bottoms[0]) != 1 or (not self.slice_point and len(set(tops)) == 1):
            return self
        return replace(self, slice_point=tuple(np.cumsum(tops)[:-1].tolist()))

    def keeps_positions(self, bottoms: Blobs) -> bool:
        """Along batch and channels."""
        return self.along(bottoms[0]) < 2
