"""BN: the batch normalisation of Caffe's forks, with learned scale and shift inside."""

from dataclasses import replace

import numpy as np

from xdn.graph import Array, Arrays, Blobs, ChannelAxis, Side, WeightAxes, Weights
from xdn.layers.base import ENGINE, Field, Message, fillers, layer_type, proto
from xdn.layers.batchnorm import BatchNormalisation, moments


@layer_type("BN")
class BN(BatchNormalisation):
    """BN: y = scale * (x - mean) / sqrt(variance + eps) + shift, or only y = scale * x + shift.

    Two forks have a layer of this name. PSPNet's has four weights. SegNet's has scale and shift alone, into which its
    users merge the statistics; it is told by `bn_mode` or its fillers, which reading turns into `affine_only`, or by
    the number of its weights, which has the last word. With `bn_mode: LEARN` it takes mean and variance of the batch at
    hand. The sources are bn_layer.cpp of both forks.
    """

    message = Message("BNParameter", "bn_param", 2000)
    unused = {
        **fillers(slope_filler=1, bias_filler=2, scale_filler=8, shift_filler=9),
        "momentum": Field(3, "float"),
        "frozen": Field(5, "bool"),
        "engine": ENGINE.at(7),
        "moving_average": Field(11, "bool"),
    }

    eps: float = proto(4, "float", default=1e-5)
    bn_mode: str = proto(6, "enum", default="LEARN", values={"LEARN": 0, "INFERENCE": 1})
    var_eps: float = proto(10, "float", default=1e-9)
    affine_only: bool = proto(20190, "bool", default=False)

    @property
    def batch_statistics(self) -> bool:
        """Whether mean and variance are those of the batch at hand."""
        return self.affine_only and self.bn_mode == "LEARN"

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Scale and shift (C,), and mean and variance (C,) where the layer keeps them."""
        kept = ("scale", "shift") if self.affine_only else ("scale", "shift", "mean", "variance")
        return dict.fromkeys(kept, (ChannelAxis(Side.TOP, bottoms[0].shape[1]),))

    def params_for(self, count: int) -> "BN | None":
        """Two weights are SegNet's, four PSPNet's, some of whose files name SegNet's fillers."""
        return replace(self, affine_only=count == 2) if count in (2, 4) else None

    def terms(self, weights: Weights) -> tuple[Array, Array, Array]:
        """Return m, a and b, each (C,) f32, of y = (x - m) * a + b; not for the batch's statistics."""
        if self.affine_only:
            return np.zeros_like(weights["scale"]), weights["scale"], weights["shift"]
        deviation = np.sqrt(weights["variance"] + np.float32(self.eps))
        return weights["mean"], weights["scale"] / deviation, weights["shift"]

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Subtract, multiply, add, each rounded to f32."""
        x = bottoms[0]
        images = x.reshape(*x.shape[:2], -1)
        if self.batch_statistics:
            mean, variance = moments(images)
            factor, shift = weights["scale"] / np.sqrt(variance + np.float32(self.var_eps)), weights["shift"]
        else:
            mean, factor, shift = self.terms(weights)
        return (((images - mean[:, None]) * factor[:, None] + shift[:, None]).reshape(x.shape),)
