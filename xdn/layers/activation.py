"""What the layers share that map every element on its own."""

from xdn.graph import Blob, Blobs, ChannelRule
from xdn.layers.base import CaffeLayer, one_bottom


class Activation(CaffeLayer):
    """Base of the layers whose top element depends on the bottom element at its place and on nothing else."""

    channel_rule = ChannelRule.CARRIED
    elementwise = True

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Any shape, unchanged."""
        return (one_bottom(bottoms),)

    def keeps_positions(self, bottoms: Blobs) -> bool:
        """Each element is on its own."""
        return True
