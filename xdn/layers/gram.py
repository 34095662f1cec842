"""Gram: how the channels of an image go together."""

from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import layer_type, one_bottom
from xdn.layers.portable import Library, Portable


@layer_type("Gram")
class Gram(Portable):
    """Gram: (N, C, H, W) -> (N, C, C, 1), the products of channels summed over positions, divided by H * W * C.

    The source is gram_layer.cpp of happynear's caffe-windows (Gatys et al. 2015).
    """

    fixed_because = "multiplies channels with channels"

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, C, 1)."""
        n, c, *_ = one_bottom(bottoms, 4).shape
        return (Blob((n, c, c, 1)),)

    def macs(self, bottoms: Blobs, tops: Blobs) -> int:
        """Products of channels."""
        return bottoms[0].size * bottoms[0].shape[1]

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """A product of matrices, then the quotient."""
        n, c, h, w = bottoms[0].shape
        x = bottoms[0].reshape(n, c, h * w)
        return ((lib.matmul(x, x.swapaxes(1, 2)) / (h * w * c)).reshape(n, c, c, 1),)
