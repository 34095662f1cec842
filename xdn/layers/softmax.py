"""Softmax: exponentials along one axis, normalised to sum 1."""

import numpy as np

from xdn.graph import Array, Arrays, Blobs, ChannelRule, Weights
from xdn.layers.base import ENGINE, Message, ShapeKeeper, layer_type, proto


@layer_type("Softmax", "VOXEL_SOFTMAX", v1_name="SOFTMAX")
class Softmax(ShapeKeeper):
    """Softmax: y = exp(x - max x) / sum exp(x - max x) along `axis`.

    The source is Caffe's softmax_layer.cpp.
    """

    message = Message("SoftmaxParameter", "softmax_param", 125, 39)
    unused = {"engine": ENGINE.at(1)}
    fixed_because = "divides by a sum over the channels"

    axis: int = proto(2, "int32", default=1)

    def joins_images(self, bottoms: Blobs) -> bool:
        """Along the batch axis."""
        return bottoms[0].axis(self.axis) == 0

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Subtract the largest, so that no exponential overflows; then exp; then divide by the sum."""
        x = bottoms[0]
        e = np.exp(x - x.max(axis=self.axis, keepdims=True))
        return (e / e.sum(axis=self.axis, keepdims=True),)

    def distribution(self, bottoms: Blobs) -> int:
        """As many as the axis is long; along the batch they are not classes."""
        axis = bottoms[0].axis(self.axis)
        return bottoms[0].shape[axis] if axis else 0

    def channel_rule_for(self, bottoms: Blobs) -> ChannelRule:
        """FIXED along the channels; along another axis each channel is on its own."""
        bottom = bottoms[0]
        along_channels = len(bottom.shape) < 2 or bottom.axis(self.axis) == 1
        return ChannelRule.FIXED if along_channels else ChannelRule.CARRIED
