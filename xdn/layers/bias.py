"""Bias: add a learned or given operand laid along some axes."""

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


@layer_type("Bias")
class Bias(CaffeLayer):
    """Bias: y = x + bias, the bias along `num_axes` axes from `axis` on.

    With two bottoms the second is the bias, and `num_axes` plays no part. The source is Caffe's bias_layer.cpp.
    """

    message: ClassVar = Message("BiasParameter", "bias_param", 141)
    unused: ClassVar = {"filler": FILLER.at(3)}
    channel_rule: ClassVar = ChannelRule.CARRIED
    elementwise: ClassVar = True

    axis: int = proto(1, "int32", default=1)
    num_axes: int = proto(2, "int32", default=1)

    def infer(self, bottoms: Sequence[Blob], n_tops: int) -> tuple[Blob, ...]:
        """The first bottom's shape."""
        operand_shape(bottoms, self.axis, self.num_axes)
        return (Blob(bottoms[0].shape),)

    def weight_shapes(self, bottoms: Sequence[Blob]) -> dict[str, Shape]:
        """Bias of the operand's shape, where there is one bottom."""
        return {"bias": operand_shape(bottoms, self.axis, self.num_axes)} if len(bottoms) == 1 else {}

    def reference(self, bottoms: Sequence[Array], weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """x + bias."""
        x = bottoms[0]
        bias = weights["bias"] if len(bottoms) == 1 else bottoms[1]
        return (x + spread(bias, self.axis, x.ndim),)

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
