"""What Reshape and Flatten share: the same values, in the same order, have another shape."""

from math import prod

import numpy as np

from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Move, Shape, Weights
from xdn.layers.base import blobs_of
from xdn.layers.portable import Library, Portable


def reshaped(bottom: Shape, top: Shape, axis: int) -> Move | None:
    """Return along which axis of `top` the channels lie that lie along `axis` of `bottom`; None for none.

    With s elements in a row of a channel, element f belongs to channel (f // s) % C. An axis of the top whose entries
    have t elements each, t a divisor of s, holds q = extent * t / s channels one after the other: all of them where C
    divides q, their remainders by q where q divides C. Of several axes the first of those with most of them is taken.
    """
    channels, after = bottom[axis], prod(bottom[axis + 1 :])
    found: Move | None = None
    most = 1
    for number in range(1, len(top)):
        extent, elements = top[number], prod(top[number + 1 :])
        if after % elements or extent * elements % after:
            continue
        run, held = after // elements, extent * elements // after
        if held % channels and channels % held:
            continue
        labels = min(held, channels)
        if labels > most:
            most = labels
            found = Move(number, np.arange(extent) // run % labels, np.arange(channels) % labels)
    return found


class RowMajor(Portable):
    """Base of the layers that give the only bottom another shape."""

    always_moves = True

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The same values in the same order."""
        (top,) = self.infer(blobs_of(bottoms), n_tops)
        return (bottoms[0].reshape(top.shape),)

    def _block(self, bottom: Blob) -> int:
        """Return how many channels of the top, one after the other, hold each of the bottom's; 0 where none do."""
        if len(bottom.shape) < 2:
            return 0
        n, c, *_ = bottom.shape
        top = self.infer([bottom], 1)[0].shape
        return top[1] // c if len(top) > 1 and top[0] == n and top[1] % c == 0 else 0

    def channel_rule_for(self, bottoms: Blobs) -> ChannelRule:
        """CARRIED where the batch is kept, and each channel becomes one or several; else channels are mixed."""
        return ChannelRule.CARRIED if self._block(bottoms[0]) else ChannelRule.FIXED

    def channel_map(self, bottom: int, bottoms: Blobs) -> Array:
        """A channel stays, or becomes a block of top channels."""
        blob = bottoms[bottom]
        return np.repeat(np.arange(blob.shape[1]), self._block(blob))

    def moved(self, axis: int, bottom: Blob) -> Move | None:
        """The axis of the top that holds the channels, whole ones or by rows."""
        (top,) = self.infer([bottom], 1)
        return reshaped(bottom.shape, top.shape, axis) if len(bottom.shape) > axis else None
