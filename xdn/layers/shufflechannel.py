"""ShuffleChannel: the channels of several groups dealt out in turn."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import Message, layer_type, one_bottom, proto
from xdn.layers.portable import Library, Portable


@layer_type("ShuffleChannel")
class ShuffleChannel(Portable):
    """ShuffleChannel: the channels as a matrix with a row a `group`, transposed (Zhang et al. 2017, ShuffleNet)."""

    message = Message("ShuffleChannelParameter", "shuffle_channel_param", 2005)
    channel_rule = ChannelRule.CARRIED
    always_moves = True
    always_keeps_positions = True

    group: int = proto(1, "uint32", default=1)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The bottom's shape; its channels divide by `group`."""
        bottom = one_bottom(bottoms)
        channels = bottom.shape[bottom.axis(1)]
        if self.group < 1 or channels % self.group:
            raise ShapeError(f"{channels} channels do not divide by group {self.group}")
        return (Blob(bottom.shape),)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Channel g * C/G + i becomes channel i * G + g."""
        n, c, *rest = bottoms[0].shape
        grouped = bottoms[0].reshape(n, self.group, c // self.group, *rest)
        return (grouped.swapaxes(1, 2).reshape(bottoms[0].shape),)

    def channel_map(self, bottom: int, bottoms: Blobs) -> Array:
        """Channel i * G + g carries channel g * C/G + i."""
        return np.arange(bottoms[0].shape[1]).reshape(self.group, -1).T.ravel()

    def bound_channels(self, bottoms: Blobs) -> Array:
        """The channels at one place of every group: rows that lose others would no longer be dealt out alike."""
        return np.arange(bottoms[0].shape[1]) % (bottoms[0].shape[1] // self.group)
