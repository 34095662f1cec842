"""GroupNorm: groups of channels shifted to mean 0 and scaled to variance 1."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, one_bottom, proto


@layer_type("GroupNorm")
class GroupNorm(CaffeLayer):
    """GroupNorm: y = (x - mean) / sqrt(variance + eps), over a group of an image's channels (Wu and He 2018).

    A learned scale and bias follow as a Scale layer.
    """

    message = Message("GroupNormParameter", "group_norm_param", 2034)
    fixed_because = "takes mean and variance over groups of channels"

    group_num: int = proto(1, "uint32", default=32)
    eps: float = proto(2, "float", default=1e-5)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The bottom's shape (N, C, ...)."""
        bottom = one_bottom(bottoms)
        bottom.axis(1)
        if self.group_num < 1 or bottom.shape[1] % self.group_num:
            raise ShapeError(f"{bottom.shape[1]} channels do not divide into {self.group_num} groups")
        return (Blob(bottom.shape),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Subtract the mean, then divide by the deviation; sums in f64."""
        x = bottoms[0].reshape(len(bottoms[0]), self.group_num, -1)
        centred = x - x.mean(axis=2, keepdims=True, dtype=np.float64).astype(np.float32)
        variance = np.square(centred).mean(axis=2, keepdims=True, dtype=np.float64).astype(np.float32)
        return ((centred / np.sqrt(variance + np.float32(self.eps))).reshape(bottoms[0].shape),)
