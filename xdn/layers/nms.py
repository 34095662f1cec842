"""Nms: where maps have peaks."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, one_bottom, proto

#: Column, row and value.
_PEAK = 3


@layer_type("Nms")
class Nms(CaffeLayer):
    """Nms: (N, 1, num_peak + 1, 3), of the first N maps their peaks, row by row: column, row, value; first how many.

    A peak is above `threshold` and above its four neighbours; beyond the border these are 0. The source is nms_layer.cu
    of rtpose's Caffe (Cao et al. 2016), whose maps are those of one image (N, C, H, W), C of 1, or of the first N of
    all channels. Those past `num_peak` are counted, and left out.
    """

    message = Message("NmsParameter", "nms_param", 2213)
    always_jumps = True

    threshold: float = proto(1, "float", default=0.0)
    num_peak: int = proto(2, "int32", default=0)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, 1, num_peak + 1, 3)."""
        n = one_bottom(bottoms, 4).shape[0]
        if self.num_peak < 1:
            raise ShapeError(f"num_peak {self.num_peak}; it is 1 or more")
        return (Blob((n, 1, self.num_peak + 1, _PEAK)),)

    def joins_images(self, bottoms: Blobs) -> bool:
        """With more channels than one the maps are those of the first images."""
        return bottoms[0].shape[1] != 1

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Map by map; zeros after the last peak."""
        n, _, h, w = bottoms[0].shape
        maps = bottoms[0].reshape(-1, h, w)[:n]
        beside = np.pad(maps, ((0, 0), (1, 1), (1, 1)))
        around = (beside[:, :-2, 1:-1], beside[:, 2:, 1:-1], beside[:, 1:-1, :-2], beside[:, 1:-1, 2:])
        peaks = (maps > np.float32(self.threshold)) & np.logical_and.reduce([maps > each for each in around])
        top = np.zeros((n, 1, self.num_peak + 1, _PEAK), np.float32)
        for number, (map_, found) in enumerate(zip(maps, peaks, strict=True)):
            rows, columns = (each[: self.num_peak] for each in np.nonzero(found))
            top[number, 0, 0, 0] = found.sum()
            top[number, 0, 1 : len(rows) + 1] = np.stack([columns, rows, map_[rows, columns]], axis=1)
        return (top,)
