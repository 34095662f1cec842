"""PSROIPooling: the average in each cell of a region, each cell from channels of its own."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs
from xdn.layers.base import Message, layer_type, proto
from xdn.layers.roipooling import REGION, RegionPooling, check_regions, clipped, images_of, rounded


def check_groups(channels: int, output_dim: int, group_size: int) -> None:
    """Raise ShapeError where a map's channels are not as many as the cells of all output channels."""
    if output_dim < 1 or group_size < 1 or channels != output_dim * group_size**2:
        what = f"{channels} channels for output_dim {output_dim} and group_size {group_size}"
        raise ShapeError(f"{what}; output_dim * group_size ** 2 are needed")


@layer_type("PSROIPooling")
class PSROIPooling(RegionPooling):
    """PSROIPooling: (R, output_dim, group_size, group_size), the averages of each region's cells; 0 of an empty cell.

    Cell (i, j) of output channel k reads channel (k * group_size + i) * group_size + j of the map. The source is
    psroi_pooling_layer.cu of R-FCN's Caffe (Dai et al. 2016).
    """

    message = Message("PSROIPoolingParameter", "psroi_pooling_param", 2002)

    spatial_scale: float = proto(1, "float", default=0.0)
    output_dim: int = proto(2, "int32", default=0)
    group_size: int = proto(3, "int32", default=0)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(R, output_dim, group_size, group_size)."""
        regions, channels = check_regions(bottoms, self.spatial_scale)
        check_groups(channels, self.output_dim, self.group_size)
        return (Blob((regions, self.output_dim, self.group_size, self.group_size)),)

    def pooled(self, values: Array, row: int, column: int) -> Array:
        """The cell's own channels; sums in f64."""
        own = values[row * self.group_size + column :: self.group_size**2]
        mean: Array = own.mean(axis=(1, 2), dtype=np.float64)
        return mean

    def cells(self, bottoms: Arrays) -> tuple[Array, Array, Array]:
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
