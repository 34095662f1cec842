"""Scale: multiply by a learned or given operand laid along some axes, then add a learned bias."""

from xdn.graph import Array, Arrays, Blobs, WeightAxes, Weights
from xdn.layers.base import Message, fillers, layer_type, proto
from xdn.layers.broadcast import OperandLayer, spread
from xdn.layers.portable import Library


@layer_type("Scale")
class Scale(OperandLayer):
    """Scale: y = x * scale + bias, scale and bias along `num_axes` axes from `axis` on.

    With two bottoms the second is the scale, and `num_axes` plays no part. The source is Caffe's scale_layer.cpp.
    """

    message = Message("ScaleParameter", "scale_param", 142)
    unused = fillers(filler=3, bias_filler=5)

    bias_term: bool = proto(4, "bool", default=False)

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Scale (one bottom only) and bias, both of the operand's shape."""
        axes = self.operand_axes(bottoms)
        learned = {"scale": axes} if len(bottoms) == 1 else {}
        return learned | ({"bias": axes} if self.bias_term else {})

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Multiply, then add, each rounded to f32."""
        x = bottoms[0]
        scale = weights["scale"] if len(bottoms) == 1 else bottoms[1]
        y = x * spread(scale, self.axis, x.ndim)
        if self.bias_term:
            y = y + spread(weights["bias"], self.axis, x.ndim)
        return (y,)
