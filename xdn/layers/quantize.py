"""Quantize: real values as 8-bit integers, or rounded to bf16."""

from xdn.element import REAL
from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Bf16, Blob, Blobs, Quantized, Reading, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, one_bottom, proto


@layer_type("Quantize")
class Quantize(CaffeLayer):
    """Quantize: the integers of u8, or s8, nearest to x / scale, or x in bf16; put before layers that read these.

    It has a type so that nets in memory say what runs (`xdn.optimize.quantize.storage`); files say how a layer reads
    its bottoms instead, by `xdn_param { int8 { scale: ... } }`, or `xdn_param { bf16: true }`.
    """

    message = Message("QuantizeParameter", "quantize_param", 20191)
    always_keeps_positions = True

    scale: float = proto(1, "float", default=1.0)
    signed: bool = proto(2, "bool", default=False)
    bf16: bool = proto(3, "bool", default=False)

    @property
    def quantized(self) -> Reading:
        """As what x is read."""
        return Bf16() if self.bf16 else Quantized(self.scale, self.signed)

    @staticmethod
    def to(how: Reading) -> "Quantize":
        """Return the parameters of the layer that gives its bottom as it is read so."""
        return Quantize(scale=how.scale, signed=how.signed) if isinstance(how, Quantized) else Quantize(bf16=True)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """A blob of f32 of any shape, as it is read."""
        bottom = one_bottom(bottoms)
        if bottom.element != REAL:
            raise ShapeError(f"a bottom of {bottom.element.name}; it takes f32")
        how = self.quantized
        return (Blob(bottom.shape, how.element, how.scale if isinstance(how, Quantized) else 1.0),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """As `Quantized.stored` and `Bf16.stored` say."""
        return (self.quantized.stored(bottoms[0]),)
