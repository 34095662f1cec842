"""What the layers share that map every element on its own."""

from collections.abc import Sequence
from typing import ClassVar

from xdn.graph import Blob, ChannelRule
from xdn.layers.base import CaffeLayer, one_bottom


class Activation(CaffeLayer):
    """Base of the layers whose top element depends on the bottom element at its place and on nothing else."""

    channel_rule: ClassVar = ChannelRule.CARRIED
    elementwise: ClassVar = True

    def infer(self, bottoms: Sequence[Blob], n_tops: int) -> tuple[Blob, ...]:
        """Any shape, unchanged."""
        return (one_bottom(bottoms),)

    def keeps_positions(self, bottoms: Sequence[Blob]) -> bool:
        """Each element is on its own."""
        return True
