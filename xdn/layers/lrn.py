"""LRN: every value divided by a power of its neighbours' energy."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import ENGINE, CaffeLayer, Message, layer_type, one_bottom, proto
from xdn.layers.pooling import Pooling


@layer_type("LRN", "LRNRistretto", v1_name="LRN")
class LRN(CaffeLayer):
    """LRN: y = x * (k + alpha / n * sum x'^2) ** -beta over `local_size` neighbours (Krizhevsky et al. 2012).

    ACROSS_CHANNELS: n is local_size, the neighbours are channels. WITHIN_CHANNEL: n is local_size squared, the
    neighbours a square of positions, and k is 1 whatever the file says. The source is Caffe's lrn_layer.cpp.
    """

    message = Message("LRNParameter", "lrn_param", 118, 18)
    unused = {"engine": ENGINE.at(6)}
    fixed_because = "sums over neighbouring channels"

    local_size: int = proto(1, "uint32", default=5)
    alpha: float = proto(2, "float", default=1.0)
    beta: float = proto(3, "float", default=0.75)
    norm_region: str = proto(4, "enum", default="ACROSS_CHANNELS", values={"ACROSS_CHANNELS": 0, "WITHIN_CHANNEL": 1})
    k: float = proto(5, "float", default=1.0)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W), unchanged."""
        bottom = one_bottom(bottoms, 4)
        if self.local_size % 2 == 0 or self.local_size < 1:
            raise ShapeError(f"local_size is {self.local_size}; it is odd and positive: a value stands in the middle")
        if self.norm_region == "WITHIN_CHANNEL":
            self.squares_pooling().infer(bottoms, 1)
        return (Blob(bottom.shape),)

    def why_no_bf16(self, bottoms: Blobs) -> str | None:
        """Across channels it has."""
        return "sums over a square of positions" if self.norm_region == "WITHIN_CHANNEL" else None

    def squares_pooling(self) -> Pooling:
        """Return the pooling of squares that WITHIN_CHANNEL contains: the average counts padding."""
        return Pooling(pool="AVE", kernel_size=(self.local_size,), pad=(self.local_size // 2,))

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """In f32. Caffe keeps a running sum over the channels; here each sum is new, equal up to rounding."""
        x = bottoms[0]
        squares = np.square(x)
        if self.norm_region == "WITHIN_CHANNEL":
            (mean,) = self.squares_pooling().reference([squares], {}, 1)
            energy = np.float32(1) + np.float32(self.alpha) * mean
        else:
            energy = np.float32(self.k) + np.float32(self.alpha / self.local_size) * self._neighbours(squares)
        return (x * np.power(energy, np.float32(-self.beta)),)

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """A few arrays like the bottom; within channels what the pooling takes, too."""
        within = self.norm_region == "WITHIN_CHANNEL"
        return (self.squares_pooling().reference_bytes(bottoms, tops) if within else 0) + 6 * bottoms[0].bytes

    def _neighbours(self, squares: Array) -> Array:
        """Return, for each channel, the sum of the squares of up to `local_size` channels around it."""
        channels = squares.shape[1]
        reach = min(self.local_size // 2, channels - 1)
        padded = np.pad(squares, ((0, 0), (reach, reach), (0, 0), (0, 0)))
        total = np.zeros_like(squares)
        for start in range(2 * reach + 1):
            total += padded[:, start : start + channels]
        return total

    def channel_rule_for(self, bottoms: Blobs) -> ChannelRule:
        """FIXED among neighbouring channels; WITHIN_CHANNEL each channel is on its own."""
        return ChannelRule.CARRIED if self.norm_region == "WITHIN_CHANNEL" else ChannelRule.FIXED
