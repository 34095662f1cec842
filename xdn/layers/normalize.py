"""Normalize: values divided by their norm, times a learned scale."""

from xdn.graph import Array, Arrays, Blobs, ChannelAxis, Side, WeightAxes, Weights
from xdn.layers.base import Message, ShapeKeeper, fillers, layer_type, proto
from xdn.layers.broadcast import spread
from xdn.layers.portable import Library, Portable


@layer_type("Normalize")
class Normalize(ShapeKeeper, Portable):
    """Normalize: y = scale * x / sqrt(sum of x**2 + eps), the sum over an image, or over the channels of a position.

    The source is normalize_layer.cpp of the SSD branch of Caffe (Liu et al. 2015, ParseNet). The layer of the same name
    in happynear's fork (Wang et al. 2017, NormFace) has no scale, takes the channels of a position, and with `norm: L1`
    divides by sum of abs(x) + eps; reading turns its words into `norm` and `scaled`, which are ours.
    """

    message = Message("NormalizeParameter", "norm_param", 206)
    unused = fillers(scale_filler=2)
    fixed_because = "divides by a norm over the channels"

    across_spatial: bool = proto(1, "bool", default=True)
    channel_shared: bool = proto(3, "bool", default=True)
    eps: float = proto(4, "float", default=1e-10)
    norm: str = proto(20190, "enum", default="L2", values={"L1": 1, "L2": 2})
    scaled: bool = proto(20191, "bool", default=True)

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Scale (C,), or a scalar () with `channel_shared`; none where nothing is `scaled`."""
        channels = (ChannelAxis(Side.TOP, bottoms[0].shape[1]),)
        return {"scale": () if self.channel_shared else channels} if self.scaled else {}

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The norm in f32, then the quotient, then the product."""
        x = bottoms[0]
        axes = tuple(range(1, x.ndim)) if self.across_spatial else (1,)
        terms = lib.abs(x) if self.norm == "L1" else lib.square(x)
        norm = terms.sum(axis=axes, keepdims=True) + self.eps
        unit = x / (norm if self.norm == "L1" else lib.sqrt(norm))
        return (unit * spread(weights["scale"], 1, x.ndim) if self.scaled else unit,)

    def keeps_positions(self, bottoms: Blobs) -> bool:
        """Where each position has a norm of its own."""
        return not self.across_spatial
