"""Flip: images mirrored."""

from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import Message, layer_type, one_bottom, proto
from xdn.layers.portable import Library, Portable


@layer_type("Flip")
class Flip(Portable):
    """Flip: columns from right to left, and with `flip_height` rows from below (happynear's flip_layer.cpp)."""

    message = Message("FlipParameter", "flip_param", 2032)
    channel_rule = ChannelRule.CARRIED
    always_moves = True

    flip_width: bool = proto(1, "bool", default=True)
    flip_height: bool = proto(2, "bool", default=False)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The bottom's shape."""
        return (Blob(one_bottom(bottoms, 4).shape),)

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes that are turned round."""
        return tuple(axis for axis, turned in ((2, self.flip_height), (3, self.flip_width)) if turned)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The same values in the other order."""
        return (lib.flip(bottoms[0], self.axes),)
