"""Tile: a blob repeated along one axis."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import Message, layer_type, one_bottom, proto
from xdn.layers.portable import Library, Portable


@layer_type("Tile")
class Tile(Portable):
    """Tile: the bottom `tiles` times, one after the other along `axis` (Caffe's tile_layer.cpp)."""

    message = Message("TileParameter", "tile_param", 138)
    channel_rule = ChannelRule.CARRIED
    always_moves = True

    axis: int = proto(1, "int32", default=1)
    tiles: int = proto(2, "int32", default=0)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The extent along the axis, times `tiles`."""
        bottom = one_bottom(bottoms)
        axis, shape = bottom.axis(self.axis), bottom.shape
        if self.tiles < 1:
            raise ShapeError(f"tiles {self.tiles}; one or more are needed")
        return (Blob((*shape[:axis], shape[axis] * self.tiles, *shape[axis + 1 :])),)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Copies, joined."""
        return (lib.concatenate((bottoms[0],) * self.tiles, self.axis),)

    def channel_map(self, bottom: int, bottoms: Blobs) -> Array:
        """Along the channels each is carried `tiles` times."""
        blob = bottoms[bottom]
        return np.tile(np.arange(blob.shape[1]), self.tiles if blob.axis(self.axis) == 1 else 1)
