"""Crop: the part of a blob that has the size of another."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import Message, blobs_of, layer_type, proto
from xdn.layers.portable import Library, Portable


@layer_type("Crop", "CROP", "AutoCrop", "FCNCrop")
class Crop(Portable):
    """Crop: from `axis` on, the first bottom cut to the second's extents, `offset` elements from its beginning.

    One `offset` serves all axes; of the second bottom only the shape counts. The source is Caffe's crop_layer.cpp. With
    `centred`, a word of ours, the part is the middle. The other names are those of forks that state no offsets; reading
    a file finds them.
    """

    message = Message("CropParameter", "crop_param", 144)
    always_moves = True

    axis: int = proto(1, "int32", default=2)
    offset: tuple[int, ...] = proto(2, "uint32", default=(), repeated=True)
    centred: bool = proto(20190, "bool", default=False)

    def window(self, bottoms: Blobs) -> tuple[slice, ...]:
        """Return the part of the first bottom that is kept; ShapeError where it does not lie within."""
        if len(bottoms) != 2:
            raise ShapeError(f"{len(bottoms)} bottoms; it takes a blob, and one of the size that is wanted")
        shape, wanted = bottoms[0].shape, bottoms[1].shape
        axis = bottoms[0].axis(self.axis)
        if len(wanted) != len(shape):
            raise ShapeError(f"bottoms of shapes {shape} and {wanted}; they must have as many axes")
        if len(self.offset) not in (0, 1, len(shape) - axis):
            what = f"{len(self.offset)} offsets for the {len(shape) - axis} axes from {axis} on"
            raise ShapeError(f"{what}; give one, or one an axis")
        if self.centred and self.offset:
            raise ShapeError("an offset is given together with centred")
        offsets = self.offset if len(self.offset) > 1 else (self.offset or (0,)) * (len(shape) - axis)
        if self.centred:
            offsets = tuple((shape[i] - wanted[i]) // 2 for i in range(axis, len(shape)))
        for i, offset in enumerate(offsets, start=axis):
            if offset < 0 or offset + wanted[i] > shape[i]:
                raise ShapeError(f"{wanted[i]} elements from {offset} on along axis {i} of {shape}")
        kept = (slice(offset, offset + wanted[i]) for i, offset in enumerate(offsets, start=axis))
        return (*(slice(None),) * axis, *kept)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The second bottom's extents from `axis` on, the first's before."""
        cut = self.window(bottoms).count(slice(None))
        return (Blob((*bottoms[0].shape[:cut], *bottoms[1].shape[cut:])),)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The part."""
        return (bottoms[0][self.window(blobs_of(bottoms))],)

    def channel_rule_for(self, bottoms: Blobs) -> ChannelRule:
        """CARRIED where batch and channels stay whole: the second bottom's channels then play no part."""
        return ChannelRule.CARRIED if len(bottoms[0].shape) > 2 <= bottoms[0].axis(self.axis) else ChannelRule.FIXED

    def channel_map(self, bottom: int, bottoms: Blobs) -> Array:
        """The first bottom's channels; none of the second's."""
        channels = np.arange(bottoms[0].shape[1])
        return channels if bottom == 0 else np.full_like(channels, -1)
