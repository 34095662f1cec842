"""SPP: poolings into grids of 1, 2, 4, ... bins a side, one after the other."""

from collections.abc import Sequence
from math import prod

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import ENGINE, CaffeLayer, Message, layer_type, one_bottom, proto
from xdn.layers.pooling import METHODS, Pooling
from xdn.layers.window import Extents, by_axis

#: No file has more than a few.
_MOST_GRIDS = 1 << 6


@layer_type("SPP", "SPATIAL_PYRAMID_POOLING")
class SPP(CaffeLayer):
    """SPP: the maxima or averages of `pyramid_height` grids, of 1, 2, 4, ... bins a side, in one row (He et al. 2014).

    A grid's windows lie side by side; what they are together larger than the image is padding, half on each side. Of a
    `pyramid_height` of 1 the top keeps its axes. The source is Caffe's spp_layer.cpp. An older branch names the bins of
    each grid (`spatial_bin`), for square images: its windows overlap where they do not divide the image. Of Synopsys'
    methods reading makes `count_padding: false`, as in a Pooling.
    """

    message = Message("SPPParameter", "spp_param", 132)
    unused = {"engine": ENGINE.at(6)}
    channel_rule = ChannelRule.CARRIED

    pyramid_height: int = proto(1, "uint32", default=0)
    pool: str = proto(2, "enum", default="MAX", values=METHODS)
    spatial_bin: tuple[int, ...] = proto(2000, "uint32", default=(), repeated=True)
    count_padding: bool = proto(20190, "bool", default=True)

    @property
    def keeps_axes(self) -> bool:
        """Whether the top is (N, C, 1, 1), as that of one pooling."""
        return self.pyramid_height == 1 and not self.spatial_bin

    def levels(self, sizes: Sequence[int]) -> list[Pooling]:
        """Return the pooling of each grid over an image of `sizes` (H, W); ShapeError where one has too many bins."""
        if len(self.spatial_bin) > _MOST_GRIDS:
            raise ShapeError(f"{len(self.spatial_bin)} spatial_bin; at most {_MOST_GRIDS} are taken")
        if self.spatial_bin:
            return [self._overlapping(sizes, bins) for bins in self.spatial_bin]
        if self.pyramid_height < 1:
            raise ShapeError(f"pyramid_height {self.pyramid_height}; a pyramid has one grid at least")
        found = []
        for level in range(self.pyramid_height):
            bins = 1 << level
            lengths = tuple(-(-size // bins) for size in sizes)
            # Half of what the bins are too large, the greater one first.
            pads = tuple((length * bins - size + 1) // 2 for length, size in zip(lengths, sizes, strict=True))
            found.append(self._level(lengths, lengths, pads))
            # A grid with more bins than fit ends the loop, however high the pyramid.
            found[-1].output_size(sizes)
        return found

    def _overlapping(self, sizes: Sequence[int], bins: int) -> Pooling:
        """Return the pooling of one grid: windows as long as a bin, rounded up, at distances as long, rounded down."""
        side = sizes[0]
        if set(sizes) != {side} or not 0 < bins <= side:
            raise ShapeError(f"spatial_bin {bins} over {by_axis(sizes)}; images are square, and no bin is empty")
        return self._level((-(-side // bins),), (side // bins,))

    def _level(self, kernel: Extents, stride: Extents, pad: Extents = ()) -> Pooling:
        """Return the pooling of one grid."""
        return Pooling(pool=self.pool, kernel_size=kernel, stride=stride, pad=pad, count_padding=self.count_padding)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W) -> (N, C * (1 + 4 + 16 + ...)), or (N, C, 1, 1) of one grid."""
        bottom = one_bottom(bottoms, 4)
        grids = [level.infer(bottoms, 1)[0] for level in self.levels(bottom.shape[2:])]
        return (grids[0] if self.keeps_axes else Blob((bottom.shape[0], sum(grid.image_size for grid in grids))),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Grid by grid: channels, then bins row by row."""
        levels = self.levels(bottoms[0].shape[2:])
        grids = [level.reference(bottoms, {}, 1)[0] for level in levels]
        if self.keeps_axes:
            return (grids[0],)
        return (np.concatenate([grid.reshape(len(grid), -1) for grid in grids], axis=1),)

    def channel_map(self, bottom: int, bottoms: Blobs) -> Array:
        """Grid by grid, a channel becomes as many as the grid has bins."""
        c, *sizes = bottoms[0].shape[1:]
        grids = (level.output_size(sizes) for level in self.levels(sizes))
        return np.concatenate([np.repeat(np.arange(c), prod(grid)) for grid in grids])
