"""Split: one blob under several names."""

from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import layer_type, one_bottom
from xdn.layers.portable import Library, Portable


@layer_type("Split", v1_name="SPLIT")
class Split(Portable):
    """Split: every top is the bottom; Caffe inserts it where several layers read one blob."""

    channel_rule = ChannelRule.CARRIED
    always_moves = True

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The bottom's shape for every top."""
        return (one_bottom(bottoms),) * n_tops

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The bottom itself."""
        return (bottoms[0][...],) * n_tops
