"""Quantize: real values as 8-bit integers."""

from xdn.element import REAL
from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Quantized, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, one_bottom, proto


@layer_type("Quantize")
class Quantize(CaffeLayer):
    """Quantize: the integers of u8, or s8, nearest to x / scale; a session puts it before layers that read these.

    It has a type so that nets in memory say what runs (`xdn.optimize.quantize.storage`); files say how a layer reads
    its bottoms instead, by `xdn_param { int8 { scale: ... } }`.
    """

    message = Message("QuantizeParameter", "quantize_param", 20191)
    always_keeps_positions = True

    scale: float = proto(1, "float", default=1.0)
    signed: bool = proto(2, "bool", default=False)

    @property
    def quantized(self) -> Quantized:
        """What the integers stand for."""
        return Quantized(self.scale, self.signed)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """A blob of f32 of any shape, as 8-bit integers."""
        bottom = one_bottom(bottoms)
        if bottom.element != REAL:
            raise ShapeError(f"a bottom of {bottom.element.name}; it takes f32")
        return (Blob(bottom.shape, self.quantized.element, self.quantized.scale),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """As `Quantized.integers` says."""
        return (self.quantized.integers(bottoms[0]),)
