"""HyperColumns: what several maps hold at each place, one after the other."""

from math import isqrt

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Field, Message, layer_type, misfit, proto
from xdn.layers.interpolation import Corners, interpolated


@layer_type("HyperColumns")
class HyperColumns(CaffeLayer):
    """HyperColumns: for every place of the first bottom the others, bilinear there: (places, sum of their C, 1, 1).

    The second top has the first bottom's values at these places. With a `skip_ratio` as many places are taken as
    remain, the first ones `skip_ratio` apart, row by row; where it does not divide their number, the next smaller one
    that does. The source is hypercolumns_layer.cpp of JiangQH's Caffe (Hariharan et al. 2015).
    """

    message = Message("HyperColumnsParameter", "hypercolumns_param", 2072)
    unused = {"sample_num": Field(2, "uint32"), "judge_condition": Field(4, "string")}
    fixed_because = "lays channels of several maps one after the other"

    is_train: bool = proto(1, "bool", default=True)
    skip_ratio: int = proto(3, "uint32", default=1)

    def skip(self, h: int, w: int) -> int:
        """Return how far apart, row by row, the places of an image are that are taken."""
        if self.is_train:
            what = "is_train draws at random which places are taken"
            raise UnsupportedError(what, mend="Say is_train: false to take all of them")
        if not 1 <= self.skip_ratio <= h * w:
            raise ShapeError(f"skip_ratio {self.skip_ratio} of {h * w} places")
        smaller = [ratio for ratio in range(1, isqrt(h * w) + 1) if h * w % ratio == 0]
        return max(each for ratio in smaller for each in (ratio, h * w // ratio) if each <= self.skip_ratio)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N * places, sum of C, 1, 1), and (N * places, C of the first bottom)."""
        takes = "two or more maps (N, C, H, W), none higher than the first"
        if len(bottoms) < 2 or n_tops > 2 or any(len(bottom.shape) != 4 for bottom in bottoms):
            raise misfit(bottoms, takes)
        n, c, h, w = bottoms[0].shape
        if any(bottom.shape[0] != n or bottom.shape[2] > h for bottom in bottoms):
            raise misfit(bottoms, takes)
        rows = n * (h * w // self.skip(h, w))
        columns = sum(bottom.shape[1] for bottom in bottoms[1:])
        return (Blob((rows, columns, 1, 1)), Blob((rows, c)))[: max(1, n_tops)]

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Map by map, all places at once."""
        h, w = bottoms[0].shape[2:]
        skip = self.skip(h, w)
        columns = np.concatenate([_taken(_laid_over(x, h, w), skip) for x in bottoms[1:]], axis=1)
        return (columns[:, :, None, None], _taken(bottoms[0], skip))[: max(1, n_tops)]


def _taken(maps: Array, skip: int) -> Array:
    """Return (N * places, C): the maps (N, C, H, W) at places `skip` apart, row by row."""
    n, c = maps.shape[:2]
    flat = maps.reshape(n, c, -1)[:, :, ::skip]
    return np.ascontiguousarray(flat.transpose(0, 2, 1)).reshape(-1, c)


def _laid_over(maps: Array, h: int, w: int) -> Array:
    """Return maps as large as h x w; by how much they grow in height decides, for columns too."""
    scale = h // maps.shape[2]
    rows, columns = (_corners(size, wanted, scale) for size, wanted in zip(maps.shape[2:], (h, w), strict=True))
    return interpolated(maps, (rows, columns))


def _corners(size: int, wanted: int, scale: int) -> Corners:
    """Return between which places of an axis those of a `scale` times finer one lie; beyond the ends, the ends."""
    at = ((np.arange(wanted) - np.float32((scale - 1) / 2)) / np.float32(scale)).astype(np.float32)
    before = np.floor(at).clip(0, size - 1)
    after = np.ceil(at).clip(0, size - 1)
    share = np.where(before == after, np.float32(0), at - before).astype(np.float32)
    return Corners(before.astype(np.int64), after.astype(np.int64), share)
