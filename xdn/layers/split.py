"""Split: one blob under several names."""

from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import CaffeLayer, layer_type, one_bottom


@layer_type("Split", v1_name="SPLIT")
class Split(CaffeLayer):
    """Split: every top is the bottom; Caffe inserts it where several layers read one blob."""

    channel_rule = ChannelRule.CARRIED
    always_moves = True

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The bottom's shape for every top."""
        return (one_bottom(bottoms),) * n_tops

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """A copy a top, so that writing one leaves the others."""
        return tuple(bottoms[0].copy() for _ in range(n_tops))
