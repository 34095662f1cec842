"""PReLU: a learned slope for negative values, per channel or for all."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelAxis, ChannelRule, Side, WeightAxes, Weights
from xdn.layers.base import CaffeLayer, Message, fillers, layer_type, one_bottom, proto
from xdn.layers.broadcast import spread


@layer_type("PReLU")
class PReLU(CaffeLayer):
    """PReLU: y = x where x > 0, else slope[c] * x, or one slope with `channel_shared` (He et al. 2015).

    The source is Caffe's prelu_layer.cpp.
    """

    message = Message("PReLUParameter", "prelu_param", 131)
    unused = fillers(filler=1)
    channel_rule = ChannelRule.CARRIED
    elementwise = True
    fusable = True
    same_bits = True
    has_bf16_form = True
    always_keeps_positions = True

    channel_shared: bool = proto(2, "bool", default=False)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Any shape with a channel axis, unchanged."""
        bottom = one_bottom(bottoms)
        if len(bottom.shape) < 2:
            raise ShapeError(f"a bottom of shape {bottom.shape}; its slopes lie along axis 1, the channels")
        return (Blob(bottom.shape),)

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Slope (C,), or a scalar () with `channel_shared`."""
        return {"slope": () if self.channel_shared else (ChannelAxis(Side.TOP, bottoms[0].shape[1]),)}

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """max(x, 0) + slope * min(x, 0), as Caffe writes it (NaN stays NaN)."""
        x = bottoms[0]
        return (np.maximum(x, 0) + spread(weights["slope"], 1, x.ndim) * np.minimum(x, 0),)
