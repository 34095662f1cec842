"""Axpy: a blob scaled channel by channel, plus another; what squeeze-and-excitation ends with."""

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import layer_type
from xdn.layers.portable import Library, Portable


@layer_type("Axpy")
class Axpy(Portable):
    """Axpy: top = a * x + y, with one factor a an image and channel; the bottoms are a, x, y.

    The source is axpy_layer.cpp of the SENet branch of Caffe (Hu et al. 2017).
    """

    channel_rule = ChannelRule.CARRIED
    has_bf16_form = True

    def why_real(self, bottoms: Blobs) -> str | None:
        """It has an 8-bit form."""
        return None

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, 1, 1) or (N, C), then (N, C, H, W) twice -> (N, C, H, W)."""
        if len(bottoms) != 3:
            raise ShapeError(f"{len(bottoms)} bottoms; it takes three: factors, what they scale, and what is added")
        factors, x, y = (bottom.shape for bottom in bottoms)
        if len(x) < 2 or y != x:
            raise ShapeError(f"a second and third bottom of shapes {x} and {y}; they must be one (N, C, ...)")
        if factors[:2] != x[:2] or any(extent != 1 for extent in factors[2:]):
            raise ShapeError(f"factors of shape {factors} for {x}; one an image and channel is needed")
        return (Blob(x),)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Multiply, then add, each rounded to f32."""
        factors, x, y = bottoms
        return (factors.reshape(*x.shape[:2], *(1,) * (x.ndim - 2)) * x + y,)
