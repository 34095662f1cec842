"""Reverse: a blob read backwards along some axes."""

from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import Message, layer_type, one_bottom, proto
from xdn.layers.portable import Library, Portable


@layer_type("Reverse")
class Reverse(Portable):
    """Reverse: element i along `axis` (0: time) is element n - 1 - i of the bottom.

    The source is reverse_layer.cpp of the forks that read text; Huawei's takes several axes.
    """

    message = Message("ReverseParameter", "reverse_param", 2061)
    always_moves = True

    axis: tuple[int, ...] = proto(1, "int32", default=(), repeated=True)

    def axes(self, bottom: Blob) -> tuple[int, ...]:
        """Return the axes that are reversed, from 0 on; raise ShapeError where the bottom lacks one."""
        return tuple(sorted({bottom.axis(axis) for axis in self.axis or (0,)}))

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Any shape that has the axes, unchanged."""
        bottom = one_bottom(bottoms)
        self.axes(bottom)
        return (Blob(bottom.shape),)

    def joins_images(self, bottoms: Blobs) -> bool:
        """Along axis 0."""
        return 0 in self.axes(bottoms[0])

    def moves_only(self, bottoms: Blobs) -> bool:
        """Within an image; not where the order of images changes."""
        return not self.joins_images(bottoms)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Each axis flipped."""
        (x,) = bottoms
        return (lib.flip(x, self.axes(Blob(tuple(x.shape)))),)

    def channel_rule_for(self, bottoms: Blobs) -> ChannelRule:
        """CARRIED where the channels stay in place."""
        kept = len(bottoms[0].shape) > 1 and 1 not in self.axes(bottoms[0])
        return ChannelRule.CARRIED if kept else ChannelRule.FIXED

    def why_fixed(self, bottoms: Blobs) -> str:
        """The channels change places."""
        return "reverses the order of the channels"
