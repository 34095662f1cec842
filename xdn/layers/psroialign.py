"""PSROIAlign: the average of samples in each cell of a region, each cell from channels of its own."""

import numpy as np

from xdn.graph import Array, Arrays, Blob, Blobs, Shape, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, proto
from xdn.layers.psroipooling import check_groups
from xdn.layers.roialign import check_samples, shares
from xdn.layers.roipooling import REGION, check_regions, images_of, made_up_regions


@layer_type("PSROIAlign")
class PSROIAlign(CaffeLayer):
    """PSROIAlign: (R, output_dim, group_size, group_size), averages of samples, bilinear, in each region's cells.

    Cell (i, j) of output channel k reads channel (k * group_size + i) * group_size + j of the map, as in PSROIPooling;
    samples are those of ROIAlign. The source is psroi_align_layer.cu of a branch of R-FCN's Caffe.
    """

    message = Message("PSROIAlignParameter", "psroi_align_param", 2212)

    spatial_scale: float = proto(1, "float", default=0.0)
    output_dim: int = proto(2, "int32", default=0)
    group_size: int = proto(3, "int32", default=0)
    sampling_ratio: int | None = proto(4, "int32", default=None)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(R, output_dim, group_size, group_size)."""
        regions, channels = check_regions(bottoms, self.spatial_scale)
        check_groups(channels, self.output_dim, self.group_size)
        check_samples((self.group_size, self.group_size), self.sampling_ratio)
        return (Blob((regions, self.output_dim, self.group_size, self.group_size)),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Region by region, each cell a product of its rows, its map and its columns; ShapeError for no image."""
        maps, regions = bottoms[0], bottoms[1].reshape(-1, REGION)
        n, _, h, w = maps.shape
        groups, ratio = self.group_size, self.sampling_ratio or 0
        cells = maps.reshape(n, self.output_dim, groups, groups, h, w)
        top = np.zeros((len(regions), self.output_dim, groups, groups), np.float32)
        corners = regions[:, 1:] * np.float32(self.spatial_scale)
        for r, image in enumerate(images_of(regions, n)):
            left, upper, right, lower = corners[r]
            rows, columns = shares((upper, lower), groups, h, ratio), shares((left, right), groups, w, ratio)
            for i, j in np.ndindex(groups, groups):
                top[r, :, i, j] = cells[image, :, i, j] @ columns[j] @ rows[i]
        return (top,)

    def example(self, bottom: int, shape: Shape, image: Shape, rng: np.random.Generator) -> Array | None:
        """Regions within the image."""
        return made_up_regions(shape, image, rng) if bottom == 1 else None
