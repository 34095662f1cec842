"""DotProductAttention: for each step of a sequence, and each head, a mean of values that a softmax weighs."""

import numpy as np

from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import Message, layer_type, misfit, proto
from xdn.layers.portable import Library, Portable


@layer_type("DotProductAttention")
class DotProductAttention(Portable):
    """DotProductAttention: Y[n,t,h] = sum_s P[n,t,h,s] * V[n,s,h], P the softmax over s of scale * Q[n,t,h] . K[n,s,h].

    Bottoms: queries (N, T, H, D), keys (N, S, H, D) and values (N, S, H, E); a fourth one (N, 1, 1, S), if there is
    one, is added to what the softmax is of. The layer is ours, for what encoders compute (Vaswani et al. 2017).
    """

    message = Message("DotProductAttentionParameter", "dot_product_attention_param", 2091)
    fixed_because = "sums over axes of several bottoms"

    scale: float = proto(1, "float", default=1.0)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, T, H, D), (N, S, H, D), (N, S, H, E) -> (N, T, H, E)."""
        takes = "(N, T, H, D), (N, S, H, D), (N, S, H, E) and perhaps (N, 1, 1, S)"
        if len(bottoms) not in (3, 4) or any(len(bottom.shape) != 4 for bottom in bottoms):
            raise misfit(bottoms, takes)
        queries, keys, values, *mask = (bottom.shape for bottom in bottoms)
        n, t, h, d = queries
        s, e = values[1], values[3]
        if keys != (n, s, h, d) or values != (n, s, h, e) or mask not in ([], [(n, 1, 1, s)]):
            raise misfit(bottoms, takes)
        return (Blob((n, t, h, e)),)

    def macs(self, bottoms: Blobs, tops: Blobs) -> int:
        """N * T * H * S * (D + E)."""
        return tops[0].size * bottoms[1].shape[1] + bottoms[0].size * bottoms[1].shape[1]

    def products(self, bottoms: Blobs) -> int:
        """The longer of the two sums."""
        return max(bottoms[0].shape[3], bottoms[1].shape[1])

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """Also the scores of every head, three times: their powers, and what is before and after these."""
        n, t, h, _ = bottoms[0].shape
        scores = n * h * t * bottoms[1].shape[1] * np.dtype(np.float32).itemsize
        return super().reference_bytes(bottoms, tops) + 3 * scores

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Products of matrices, and the softmax between them: the largest is subtracted before the exponential."""
        queries, keys, values, *mask = (bottom.swapaxes(1, 2) for bottom in bottoms)
        scores = lib.matmul(queries, keys.swapaxes(2, 3)) * self.scale
        if mask:
            scores = scores + mask[0]
        powers = lib.exp(scores - lib.amax(scores, axis=-1, keepdims=True))
        return (lib.matmul(powers / powers.sum(axis=-1, keepdims=True), values).swapaxes(1, 2),)
