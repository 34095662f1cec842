"""PSROIPooling: the average in each cell of a region, each cell from channels of its own."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Blob, ChannelRule, Shape, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, proto
from xdn.layers.roipooling import REGION, check_regions, clipped, images_of, made_up_regions, rounded


@layer_type("PSROIPooling")
class PSROIPooling(CaffeLayer):
    """PSROIPooling: (R, output_dim, group_size, group_size), the averages of each region's cells; 0 of an empty cell.

    Cell (i, j) of output channel k reads channel (k * group_size + i) * group_size + j of the map. The source is
    psroi_pooling_layer.cu of R-FCN's Caffe (Dai et al. 2016).
    """

    message: ClassVar = Message("PSROIPoolingParameter", "psroi_pooling_param", 2002)
    channel_rule: ClassVar = ChannelRule.FIXED

    spatial_scale: float = proto(1, "float", default=0.0)
    output_dim: int = proto(2, "int32", default=0)
    group_size: int = proto(3, "int32", default=0)

    def infer(self, bottoms: Sequence[Blob], n_tops: int) -> tuple[Blob, ...]:
        """(R, output_dim, group_size, group_size)."""
        regions, channels = check_regions(bottoms, self.spatial_scale)
        if self.output_dim < 1 or self.group_size < 1 or channels != self.output_dim * self.group_size**2:
            what = f"{channels} channels for output_dim {self.output_dim} and group_size {self.group_size}"
            raise ShapeError(f"{what}; output_dim * group_size ** 2 are needed")
        return (Blob((regions, self.output_dim, self.group_size, self.group_size)),)

    def jumps(self, n_tops: int) -> bool:
        """Corners are rounded to positions."""
        return True

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Region by region, cell by cell; sums in f64."""
        maps, g = bottoms[0], self.group_size
        n, _, h, w = maps.shape
        grouped = maps.reshape(n, self.output_dim, g, g, h, w)
        images, rows, columns = self.cells(bottoms)
        top = np.zeros((len(images), self.output_dim, g, g), np.float32)
        for r, image in enumerate(images):
            for i, (y, y_end) in enumerate(rows[r]):
                for j, (x, x_end) in enumerate(columns[r]):
                    if y < y_end and x < x_end:
                        top[r, :, i, j] = grouped[image, :, i, j, y:y_end, x:x_end].mean(axis=(1, 2), dtype=np.float64)
        return (top,)

    def example(self, bottom: int, shape: Shape, image: Shape, rng: np.random.Generator) -> Array | None:
        """Regions within the image."""
        return made_up_regions(shape, image, rng) if bottom == 1 else None

    def cells(self, bottoms: Sequence[Array]) -> tuple[Array, Array, Array]:
        """Return each region's image (R,), and its cells' rows and columns (R, group_size, 2), begins and ends."""
        regions, scale = bottoms[1].reshape(-1, REGION), np.float32(self.spatial_scale)
        begins = rounded(regions[:, 1:3]) * scale
        ends = (rounded(regions[:, 3:5]) + np.float32(1)) * scale
        number = np.arange(self.group_size, dtype=np.float32)
        tables = []
        for axis, size in ((1, bottoms[0].shape[2]), (0, bottoms[0].shape[3])):
            begin = begins[:, axis, None]
            extent = np.maximum(ends[:, axis, None] - begin, np.float32(0.1)) / np.float32(self.group_size)
            first, last = np.floor(number * extent + begin), np.ceil((number + np.float32(1)) * extent + begin)
            tables.append(clipped(first, last, size))
        return images_of(regions, len(bottoms[0])), tables[0], tables[1]
