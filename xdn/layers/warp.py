"""Warp: an image read at stated places."""

from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, layer_type, misfit
from xdn.layers.interpolation import sampled


@layer_type("Warp")
class Warp(CaffeLayer):
    """Warp: the first bottom, bilinear, at the places of the second (N, 2, H, W), columns and rows; 0 beyond it.

    The source is warp_layer.cpp of LiteFlowNet (Hui et al. 2018).
    """

    fixed_because = "reads places, which all of an image's channels share"

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The first bottom's shape (N, C, H, W)."""
        shapes = [bottom.shape for bottom in bottoms]
        if len(shapes) != 2 or len(shapes[0]) != 4 or shapes[1] != (shapes[0][0], 2, *shapes[0][2:]):
            raise misfit(bottoms, "images (N, C, H, W) and places (N, 2, H, W)")
        return (Blob(shapes[0]),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The four corners around each place, weighted in f32."""
        images, places = bottoms
        return (sampled(images, places[:, 1], places[:, 0], beyond=True),)
