"""ChannelNorm: the length of the vector that the channels of a position are."""

from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import Message, layer_type, one_bottom, proto
from xdn.layers.portable import Library, Portable


@layer_type("ChannelNorm")
class ChannelNorm(Portable):
    """ChannelNorm: y = sqrt(sum of x**2 over the channels of a position): (N, C, ...) -> (N, 1, ...).

    The source is channel_norm_layer.cu of FlowNet2. `eps`, a word of ours, is added to the sum: the second top of the
    Normalize of happynear's caffe-windows.
    """

    message = Message("ChannelNormParameter", "channel_norm_param", 2077)
    fixed_because = "takes the norm over the channels"
    always_keeps_positions = True

    eps: float = proto(20190, "float", default=0.0)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """One channel."""
        bottom = one_bottom(bottoms)
        bottom.axis(1)
        return (Blob((bottom.shape[0], 1, *bottom.shape[2:])),)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The sum of squares, then the root."""
        return (lib.sqrt(lib.square(bottoms[0]).sum(axis=1, keepdims=True) + self.eps),)
