"""Take: chosen elements of an axis, in a chosen order."""

from typing import Any

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import Message, layer_type, one_bottom, proto
from xdn.layers.portable import Library, Portable

#: The index of a zero.
NOTHING = -1


@layer_type("Take")
class Take(Portable):
    """Take: entry i of the top along `axis` is entry `index[i]` of the bottom, or zeros where that is -1.

    The layer is ours: it pads by any mode, steps, resizes to the nearest and gathers, for what ONNX models do.
    """

    message = Message("TakeParameter", "take_param", 2068)
    always_moves = True

    axis: int = proto(1, "int32", default=1)
    index: tuple[int, ...] = proto(2, "int32", default=(), repeated=True)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """As many entries along the axis as there are indices."""
        bottom = one_bottom(bottoms)
        axis, shape = bottom.axis(self.axis), bottom.shape
        if not self.index or not NOTHING <= min(self.index) <= max(self.index) < shape[axis]:
            shown = ", ".join(map(str, self.index[:8]))
            raise ShapeError(
                f"index {shown} of {shape[axis]} entries along axis {axis}; one or more are needed, from -1"
            )
        return (Blob((*shape[:axis], len(self.index), *shape[axis + 1 :])),)

    def joins_images(self, bottoms: Blobs) -> bool:
        """Along axis 0."""
        return bottoms[0].axis(self.axis) == 0

    def moves_only(self, bottoms: Blobs) -> bool:
        """Within an image; not where images are chosen."""
        return not self.joins_images(bottoms)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Copies of entries; of a zero after the last one for -1."""
        (x,) = bottoms
        before: tuple[Any, ...] = (slice(None),) * Blob(tuple(x.shape)).axis(self.axis)
        if NOTHING in self.index:
            x = lib.concatenate((x, lib.zeros_like(x[(*before, slice(0, 1))])), len(before))
        return (x[(*before, list(self.index))],)

    def channel_rule_for(self, bottoms: Blobs) -> ChannelRule:
        """CARRIED where the channels stay in place."""
        kept = len(bottoms[0].shape) > 1 and bottoms[0].axis(self.axis) != 1
        return ChannelRule.CARRIED if kept else ChannelRule.FIXED

    def why_fixed(self, bottoms: Blobs) -> str:
        """The channels are chosen by their numbers."""
        return "takes channels by their numbers"
