"""Reduction: all axes from one on become a single value."""

import numpy as np

from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, one_bottom, proto


@layer_type("Reduction")
class Reduction(CaffeLayer):
    """Reduction: coeff times the sum, the sum of magnitudes or squares, or the mean, over the axes from `axis` on.

    The source is Caffe's reduction_layer.cpp.
    """

    message = Message("ReductionParameter", "reduction_param", 136)

    operation: str = proto(1, "enum", default="SUM", values={"SUM": 1, "ASUM": 2, "SUMSQ": 3, "MEAN": 4})
    axis: int = proto(2, "int32", default=0)
    coeff: float = proto(3, "float", default=1.0)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The bottom's shape up to `axis`."""
        bottom = one_bottom(bottoms)
        return (Blob(bottom.shape[: bottom.axis(self.axis)]),)

    def joins_images(self, bottoms: Blobs) -> bool:
        """Along the batch axis."""
        return bottoms[0].axis(self.axis) == 0

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Sums in f64, rounded once, times coeff."""
        x = bottoms[0]
        kept = x.shape[: Blob(x.shape).axis(self.axis)]
        terms = {"ASUM": np.abs, "SUMSQ": np.square}.get(self.operation, np.asarray)(x.astype(np.float64))
        total = terms.reshape(*kept, -1).sum(axis=-1)
        if self.operation == "MEAN":
            total = total / (x.size // max(1, total.size))
        return (np.asarray(total * self.coeff, np.float32),)

    def channel_rule_for(self, bottoms: Blobs) -> ChannelRule:
        """CARRIED where the channels are kept."""
        bottom = bottoms[0]
        return ChannelRule.CARRIED if len(bottom.shape) > 2 and bottom.axis(self.axis) > 1 else ChannelRule.FIXED
