"""ROIAlign: the average of samples in each cell of a grid over each region of interest."""

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array, Arrays, Blob, Blobs, Shape, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, proto
from xdn.layers.interpolation import Corners
from xdn.layers.roipooling import REGION, check_regions, images_of, made_up_regions

#: Cells along an axis, and samples of one along it; no file has more than some dozens.
_MOST_CELLS, _MOST_SAMPLES = 1 << 12, 1 << 10


def check_samples(cells: tuple[int, int], ratio: int | None) -> None:
    """Raise UnsupportedError where no `sampling_ratio` is stated, ShapeError for more than any file has."""
    if ratio is None:
        what = "no sampling_ratio: forks without it take the largest of four values, averages of 2 x 2, or others"
        raise UnsupportedError(what, mend="Where it takes averages, say it, such as sampling_ratio: 2")
    if max(cells) > _MOST_CELLS or ratio > _MOST_SAMPLES:
        what = f"{cells[0]} x {cells[1]} cells with sampling_ratio {ratio}"
        raise ShapeError(f"{what}; at most {_MOST_CELLS} along an axis and {_MOST_SAMPLES} samples are taken")


def shares(side: tuple[np.float32, np.float32], cells: int, size: int, ratio: int) -> Array:
    """Return (cells, size) f32: how much each place of an axis gives to each cell of a region.

    Parameters
    ----------
    side : (begin, end)
        Of the region along the axis, in places.
    cells, size : int
        Into how many it is cut, and how many places the axis has.
    ratio : int
        How many samples a cell has; 0 or less takes one a place.
    """
    begin, end = side
    if not np.isfinite(side).all():
        return np.zeros((cells, size), np.float32)
    extent = np.maximum(end - begin, np.float32(1)) / np.float32(cells)
    samples = ratio if ratio > 0 else int(min(np.ceil(extent), _MOST_SAMPLES))
    within = (np.arange(samples, dtype=np.float32) + np.float32(0.5)) * extent / np.float32(samples)
    at = begin + np.arange(cells, dtype=np.float32)[:, None] * extent + within
    found = _between(at, size)
    given = np.zeros((cells, size), np.float32)
    cell = np.arange(cells)[:, None]
    known = ((at >= -1) & (at <= size)) / np.float32(samples)
    np.add.at(given, (cell, found.before), known * (1 - found.share))
    np.add.at(given, (cell, found.after), known * found.share)
    return given


@layer_type("ROIAlign")
class ROIAlign(CaffeLayer):
    """ROIAlign: (R, C, pooled_h, pooled_w), the averages of samples of the map, bilinear, in each region's cells.

    The bottoms are a map and regions (R, 5): the image, then corners in pixels, which `spatial_scale` takes to places
    that nothing rounds. A region is one place wide and high at least. A cell has `sampling_ratio` samples along each
    axis; 0 or less takes one a place of the map. A sample more than one place beyond the map is 0. Files that state no
    `sampling_ratio` are refused: other forks have other samples. The source is roi_align_layer.cpp of Cambricon's
    Caffe, which is that of Caffe2 (He et al. 2017).
    """

    message = Message("ROIAlignParameter", "roi_align_param", 2081)

    pooled_h: int = proto(1, "uint32", default=0)
    pooled_w: int = proto(2, "uint32", default=0)
    spatial_scale: float = proto(3, "float", default=1.0)
    sampling_ratio: int | None = proto(4, "int32", default=None)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(R, C, pooled_h, pooled_w)."""
        regions, channels = check_regions(bottoms, self.spatial_scale)
        check_samples((self.pooled_h, self.pooled_w), self.sampling_ratio)
        return (Blob((regions, channels, self.pooled_h, self.pooled_w)),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Region by region, rows and columns as products with matrices; ShapeError for a region of no image."""
        maps, regions = bottoms[0], bottoms[1].reshape(-1, REGION)
        n, channels, h, w = maps.shape
        top = np.zeros((len(regions), channels, self.pooled_h, self.pooled_w), np.float32)
        corners = regions[:, 1:] * np.float32(self.spatial_scale)
        for r, image in enumerate(images_of(regions, n)):
            left, upper, right, lower = corners[r]
            rows = shares((upper, lower), self.pooled_h, h, self.sampling_ratio or 0)
            columns = shares((left, right), self.pooled_w, w, self.sampling_ratio or 0)
            top[r] = np.matmul(np.matmul(rows, maps[image]), columns.T)
        return (top,)

    def example(self, bottom: int, shape: Shape, image: Shape, rng: np.random.Generator) -> Array | None:
        """Regions within the image."""
        return made_up_regions(shape, image, rng) if bottom == 1 else None


def _between(at: Array, size: int) -> Corners:
    """Return between which places of an axis others lie; beyond the ends, at these."""
    at = at.clip(0, size - 1)
    before = np.floor(at).astype(np.int64)
    return Corners(before, np.minimum(before + 1, size - 1), (at - before).astype(np.float32))
