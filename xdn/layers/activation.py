"""What the layers share that map every element on its own."""

from abc import abstractmethod

from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import CaffeLayer, one_bottom


class Activation(CaffeLayer):
    """Base of the layers whose top element depends on the bottom element at its place and on nothing else."""

    channel_rule = ChannelRule.CARRIED
    elementwise = True

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Any shape, unchanged."""
        return (one_bottom(bottoms),)

    @abstractmethod
    def numpy(self, x: Array) -> Array:
        """Return the top's values for the bottom's `x`, f32, as Caffe computes them."""

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Element by element."""
        return (self.numpy(bottoms[0]),)

    def keeps_positions(self, bottoms: Blobs) -> bool:
        """Each element is on its own."""
        return True
