"""ChannelScale: all channels of a position multiplied by one factor, a bottom of its own."""

from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import Field, Message, layer_type, misfit, proto
from xdn.layers.portable import Library, Portable


@layer_type("ChannelScale")
class ChannelScale(Portable):
    """ChannelScale: y[n, c, ...] = x[n, c, ...] * s[n, ...]; the bottoms are x and s, one factor a position.

    With `do_forward: false` it is x. The source is channel_scale_layer.cpp of happynear's caffe-windows, whose
    `global_scale`, one factor that training moves, is refused.
    """

    message = Message("ChannelScaleParameter", "channel_scale_param", 2074)
    unused = {"do_backward_feature": Field(2, "bool"), "do_backward_scale": Field(3, "bool")}

    do_forward: bool = proto(1, "bool", default=True)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, ...), and as many factors as it has positions -> (N, C, ...)."""
        takes = "(N, C, ...) and one factor a position (N, 1, ...)"
        if len(bottoms) != 2 or len(bottoms[0].shape) < 2 or not bottoms[1].shape:
            raise misfit(bottoms, takes)
        n, c = bottoms[0].shape[:2]
        if bottoms[1].shape[0] != n or bottoms[1].size * c != bottoms[0].size:
            raise misfit(bottoms, takes)
        return (Blob(bottoms[0].shape),)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """One product."""
        x, factors = bottoms
        return (x * factors.reshape(x.shape[0], 1, *x.shape[2:]),) if self.do_forward else (x + 0,)
