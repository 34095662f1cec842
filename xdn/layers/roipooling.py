"""ROIPooling: the maximum in each cell of a grid over each region of interest."""

from abc import abstractmethod

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Shape, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, misfit, proto
from xdn.layers.pooling import LOWEST

#: What a region is told by: the image, xmin, ymin, xmax, ymax.
REGION = 5


def check_regions(bottoms: Blobs, scale: float) -> tuple[int, int]:
    """Return (regions, channels); ShapeError where the bottoms are not a map and regions, or the scale not positive."""
    if len(bottoms) != 2 or len(bottoms[0].shape) != 4:
        raise misfit(bottoms, "a map (N, C, H, W) and regions (R, 5)")
    regions = bottoms[1].shape
    if not regions or bottoms[1].size != regions[0] * REGION:
        raise ShapeError(f"regions of shape {regions}; (R, {REGION}) is expected")
    if not 0 < scale < np.inf:
        raise ShapeError(f"spatial_scale {scale}; it is a positive number, such as 0.0625 after a stride of 16")
    return regions[0], bottoms[0].shape[1]


def made_up_regions(shape: Shape, image: Shape, rng: np.random.Generator) -> Array:
    """Return regions of `shape`, R * 5 numbers, that lie anywhere within the first image, (height, width)."""
    regions = np.zeros(shape, np.float32)
    rows = regions.reshape(-1, REGION)
    size = np.array(image[::-1], np.float32)
    corners = np.sort(rng.random((len(rows), 2, 2), np.float32) * (size - 1), axis=1)
    rows[:, 1:] = corners.reshape(-1, 4)
    return regions


def images_of(regions: Array, count: int) -> Array:
    """Return the image (R,) that each region (R, 5) lies in; raise ShapeError where there are not so many images."""
    images = regions[:, 0]
    if not ((images >= 0) & (images < count)).all():
        raise ShapeError(f"a region of image {images[~((images >= 0) & (images < count))][0]:g}; there are {count}")
    return images.astype(np.int64)


def rounded(values: Array) -> Array:
    """Return the nearest integers, halves away from zero, as C's round gives them."""
    # In f64, where the sum is exact: in f32 the number below one half would become 1.
    nearest: Array = np.trunc(values.astype(np.float64) + np.copysign(0.5, values)).astype(np.float32)
    return nearest


def clipped(first: Array, last: Array, size: int) -> Array:
    """Return (..., 2) int64: cells' begins and ends within an axis; 0 for what is not a number, whose cell is empty."""
    places: Array = np.nan_to_num(np.stack([first, last], axis=-1)).clip(0, size).astype(np.int64)
    return places


class RegionPooling(CaffeLayer):
    """Base of the layers that make one number of each cell of a grid over regions of a map; 0 of an empty cell."""

    always_jumps = True  # Corners are rounded to positions.

    @abstractmethod
    def cells(self, bottoms: Arrays) -> tuple[Array, Array, Array]:
        """Return each region's image (R,), and its cells' rows and columns (R, cells, 2), begins and ends."""

    @abstractmethod
    def pooled(self, values: Array, row: int, column: int) -> Array:
        """Return the numbers (K,) of a cell whose positions have the `values` (C, h, w)."""

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Region by region, cell by cell."""
        images, rows, columns = self.cells(bottoms)
        (shape,) = (blob.shape for blob in self.infer([Blob(bottom.shape) for bottom in bottoms], 1))
        top = np.zeros(shape, np.float32)
        for r, image in enumerate(images):
            for i, (y, y_end) in enumerate(rows[r]):
                for j, (x, x_end) in enumerate(columns[r]):
                    if y < y_end and x < x_end:
                        top[r, :, i, j] = self.pooled(bottoms[0][image, :, y:y_end, x:x_end], i, j)
        return (top,)

    def example(self, bottom: int, shape: Shape, image: Shape, rng: np.random.Generator) -> Array | None:
        """Regions within the image."""
        return made_up_regions(shape, image, rng) if bottom == 1 else None


@layer_type("ROIPooling")
class ROIPooling(RegionPooling):
    """ROIPooling: (R, C, pooled_h, pooled_w), the maxima of each region's cells; 0 where a cell is empty.

    The bottoms are a map and regions (R, 5): the image, then corners in pixels, which `spatial_scale` takes to
    positions. MS-CNN's regions grow by `pad_ratio` of their extents on each side. The source is roi_pooling_layer.cpp
    of Fast R-CNN's Caffe (Girshick 2015), and that of MS-CNN (Cai et al. 2016).
    """

    message = Message("ROIPoolingParameter", "roi_pooling_param", 2004)

    pooled_h: int = proto(1, "uint32", default=0)
    pooled_w: int = proto(2, "uint32", default=0)
    spatial_scale: float = proto(3, "float", default=1.0)
    pad_ratio: float = proto(4, "float", default=0.0)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(R, C, pooled_h, pooled_w)."""
        regions, channels = check_regions(bottoms, self.spatial_scale)
        if not 0 <= self.pad_ratio < np.inf:
            raise ShapeError(f"pad_ratio {self.pad_ratio}; it is a number from 0 on, such as 0.25")
        return (Blob((regions, channels, self.pooled_h, self.pooled_w)),)

    def pooled(self, values: Array, row: int, column: int) -> Array:
        """From -FLT_MAX and past NaN, as Caffe's comparison `value > largest` does."""
        largest: Array = np.fmax.reduce(values, axis=(1, 2), initial=LOWEST)
        return largest

    def cells(self, bottoms: Arrays) -> tuple[Array, Array, Array]:
        """Return each region's image (R,), and its cells' rows (R, pooled_h, 2) and columns (R, pooled_w, 2).

        Rows and columns are begins and ends within the map; ShapeError for a region of an image that does not exist.
        """
        regions = bottoms[1].reshape(-1, REGION)
        low, high = regions[:, 1:3], regions[:, 3:]
        beside = (high - low + np.float32(1)) * np.float32(self.pad_ratio) if self.pad_ratio else np.float32(0)
        around = np.hstack([low - beside, high + beside])
        corners = rounded(around * np.float32(self.spatial_scale)).clip(-(1 << 30), 1 << 30)
        rows = _cells(corners[:, 1], corners[:, 3], self.pooled_h, bottoms[0].shape[2])
        columns = _cells(corners[:, 0], corners[:, 2], self.pooled_w, bottoms[0].shape[3])
        return images_of(regions, len(bottoms[0])), rows, columns


def _cells(begin: Array, end: Array, count: int, size: int) -> Array:
    """Return (R, count, 2): the cells along an axis, clipped to it; a region is one position at least."""
    extent = (np.maximum(end - begin + np.float32(1), np.float32(1)) / np.float32(count))[:, None]
    number = np.arange(count, dtype=np.float32)
    first, last = np.floor(number * extent), np.ceil((number + np.float32(1)) * extent)
    return clipped(first + begin[:, None], last + begin[:, None], size)
