"""Bias: add a learned or given operand laid along some axes."""

from xdn.graph import Array, Arrays, Blobs, WeightAxes, Weights
from xdn.layers.base import Message, fillers, layer_type
from xdn.layers.broadcast import OperandLayer, spread
from xdn.layers.portable import Library


@layer_type("Bias")
class Bias(OperandLayer):
    """Bias: y = x + bias, the bias along `num_axes` axes from `axis` on.

    With two bottoms the second is the bias, and `num_axes` plays no part. The source is Caffe's bias_layer.cpp.
    """

    message = Message("BiasParameter", "bias_param", 141)
    unused = fillers(filler=3)

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Bias of the operand's shape, where there is one bottom."""
        return {"bias": self.operand_axes(bottoms)} if len(bottoms) == 1 else {}

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """x + bias."""
        x = bottoms[0]
        bias = weights["bias"] if len(bottoms) == 1 else bottoms[1]
        return (x + spread(bias, self.axis, x.ndim),)
