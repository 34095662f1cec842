"""Scale: multiply by a learned or given operand laid along some axes, then add a learned bias."""

from collections.abc import Sequence
from typing import ClassVar

from xdn.graph import Array, Blob, ChannelAxis, ChannelRule, Shape, Weights
from xdn.layers.base import FILLER, CaffeLayer, Message, layer_type, proto
from xdn.layers.broadcast import (
    operand_axes,
    operand_channels,
    operand_has_positions,
    operand_rule,
    operand_shape,
    spread,
)


@layer_type("Scale")
class Scale(CaffeLayer):
    """Scale: y = x * scale + bias, scale and bias along `num_axes` axes from `axis` on.

    With two bottoms the second is the scale, and `num_axes` plays no part. The source is Caffe's scale_layer.cpp.
    """

    message: ClassVar = Message("ScaleParameter", "scale_param", 142)
    unused: ClassVar = {"filler": FILLER.at(3), "bias_filler": FILLER.at(5)}
    channel_rule: ClassVar = ChannelRule.CARRIED
    elementwise: ClassVar = True

    axis: int = proto(1, "int32", default=1)
    num_axes: int = proto(2, "int32", default=1)
    bias_term: bool = proto(4, "bool", default=False)

    def infer(self, bottoms: Sequence[Blob], n_tops: int) -> tuple[Blob, ...]:
        """The first bottom's shape."""
        operand_shape(bottoms, self.axis, self.num_axes)
        return (Blob(bottoms[0].shape),)

    def weight_shapes(self, bottoms: Sequence[Blob]) -> dict[str, Shape]:
        """Scale (one bottom only) and bias, both of the operand's shape."""
        shape = operand_shape(bottoms, self.axis, self.num_axes)
        learned = {"scale": shape} if len(bottoms) == 1 else {}
        return learned | ({"bias": shape} if self.bias_term else {})

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Multiply, then add, each rounded to f32."""
        x = bottoms[0]
        scale = weights["scale"] if len(bottoms) == 1 else bottoms[1]
        y = x * spread(scale, self.axis, x.ndim)
        if self.bias_term:
            y = y + spread(weights["bias"], self.axis, x.ndim)
        return (y,)

    def channel_rule_for(self, bottoms: Sequence[Blob]) -> ChannelRule:
        """CARRIED, but FIXED where the second bottom's channel axis is not the first one's."""
        return operand_rule(bottoms, self.axis)

    def channel_map(self, bottom: int, bottoms: Sequence[Blob]) -> Array:
        """Its own channel of each bottom."""
        return operand_channels(bottom, bottoms)

    def weight_channels(self, bottoms: Sequence[Blob]) -> dict[str, tuple[ChannelAxis | None, ...]]:
        """The learned operand's axes."""
        return dict.fromkeys(self.weight_shapes(bottoms), operand_axes(bottoms, self.axis, self.num_axes))

    def keeps_positions(self, bottoms: Sequence[Blob]) -> bool:
        """Where the operand is learned and lies along batch and channels only."""
        return not operand_has_positions(bottoms, self.axis, self.num_axes)
