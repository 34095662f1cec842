"""MVN: every channel of an image, or every image, shifted to mean 0 and scaled to variance 1."""

import numpy as np

from xdn.graph import Array, Arrays, Blobs, ChannelRule, Weights
from xdn.layers.base import Message, ShapeKeeper, layer_type, proto


@layer_type("MVN", v1_name="MVN")
class MVN(ShapeKeeper):
    """MVN: y = (x - mean) / (sqrt(variance) + eps), over the positions of a channel, or over a whole image.

    The source is Caffe's mvn_layer.cpp. With `add_eps_before_sqrt`, a field of Synopsys' Caffe, eps is added to the
    variance.
    """

    message = Message("MVNParameter", "mvn_param", 120, 34)
    channel_rule = ChannelRule.CARRIED
    fixed_because = "takes mean and variance over all channels"

    normalize_variance: bool = proto(1, "bool", default=True)
    across_channels: bool = proto(2, "bool", default=False)
    eps: float = proto(3, "float", default=1e-9)
    add_eps_before_sqrt: bool = proto(4, "bool", default=False)

    @property
    def added(self) -> tuple[float, float]:
        """What is added to the variance, and to the deviation."""
        return (self.eps, 0.0) if self.add_eps_before_sqrt else (0.0, self.eps)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Subtract the mean, then divide by the deviation, which is not negative; sums in f64."""
        x = bottoms[0]
        axes = tuple(range(1 if self.across_channels else 2, x.ndim))
        centred = x - x.mean(axis=axes, keepdims=True, dtype=np.float64).astype(np.float32)
        if not self.normalize_variance:
            return (centred,)
        within, beside = self.added
        variance = np.square(centred).mean(axis=axes, keepdims=True, dtype=np.float64) + within
        return (centred / (np.sqrt(variance).astype(np.float32) + np.float32(beside)),)

    def channel_rule_for(self, bottoms: Blobs) -> ChannelRule:
        """CARRIED where each channel has its own mean; FIXED across channels."""
        return ChannelRule.FIXED if self.across_channels else super().channel_rule_for(bottoms)
