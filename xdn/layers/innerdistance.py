"""InnerDistance: how far a blob is from each of K learned points."""

from math import prod
from typing import Any

import numpy as np

from xdn.errors import UnsupportedError
from xdn.graph import Array, Arrays, Blob, Blobs, WeightAxes, Weights
from xdn.layers.base import Message, layer_type, misfit, proto
from xdn.layers.portable import Library, Portable
from xdn.layers.rows import Rows

_KINDS = ("L1", "L2")


@layer_type("InnerDistance")
class InnerDistance(Rows, Portable):
    """InnerDistance: Y[m, k] = b[k] + sum_i (X[m, i] - W[k, i])**2, or of |X[m, i] - W[k, i]| with `distance_type` L1.

    i runs over all axes from `axis` on. Further bottoms take the place of the weights: W, and b after it. With
    `normalize` learned points are scaled to length 1 first. The source is inner_distance_layer.cpp of happynear's
    caffe-windows, which has no rule for `transpose` either.
    """

    message = Message("InnerDistanceParameter", "inner_distance_param", 2073)
    fixed_because = "measures distances over all channels"

    transpose: bool = proto(6, "bool", default=False)
    distance_type: str = proto(7, "string", default="L2")
    normalize: bool = proto(8, "bool", default=False)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(..., d_axis, ..., d_last) -> (..., K)."""
        if len(bottoms) not in (1, 2 + self.bias_term):
            raise misfit(bottoms, "one blob, or one and what takes the place of its weights")
        if self.distance_type not in _KINDS or self.transpose:
            what = "transpose" if self.transpose else f"distance_type {self.distance_type!r}"
            raise UnsupportedError(f"{what} is no rule of its own Caffe", mend=f"Known: {', '.join(_KINDS)}")
        self.check_rows()
        kept = bottoms[0].shape[: bottoms[0].axis(self.axis)]
        count, inputs = self.num_output, self.inputs(bottoms)
        # Each blob is compared with all points at once.
        Blob((*kept, count, inputs))
        if [blob.size for blob in bottoms[1:]] not in ([], [count * inputs, count][: len(bottoms) - 1]):
            raise misfit(bottoms, f"{count} points of {inputs} values as the second, {count} values as the third")
        return (Blob((*kept, count)),)

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Weight (K, inputs), bias (K,); none where they come as bottoms."""
        return {} if len(bottoms) > 1 else super().weight_axes(bottoms)

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """All differences, twice."""
        return 2 * Blob((*tops[0].shape, self.inputs(bottoms))).bytes + 2 * tops[0].bytes

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """All differences, then their sums."""
        x = bottoms[0]
        kept = tuple(x.shape)[: self.axis % x.ndim]
        count, inputs = self.num_output, prod(tuple(x.shape)[self.axis % x.ndim :])
        points: Any = bottoms[1].reshape(count, inputs) if len(bottoms) > 1 else weights["weight"]
        if self.normalize and len(bottoms) == 1:
            points = points / lib.sqrt((points * points).sum(-1) + np.float32(1e-6)).reshape(count, 1)
        apart = x.reshape(prod(kept), 1, inputs) - points
        y = (apart * apart if self.distance_type == "L2" else lib.abs(apart)).sum(-1)
        if self.bias_term:
            y = y + (bottoms[2].reshape(count) if len(bottoms) > 1 else weights["bias"])
        return (y.reshape(*kept, count),)
