"""Softmax over the channels of a position, which are neighbours in memory.

The sum runs over the channels in their order, one after the other, as in the batch schedule; only the exponentials are
vectors.
"""

from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import f32_at
from xdn.codegen.names import KernelName
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.layout import ARENA, BLOCKS, CHANNEL
from xdn.kernels.core.mathematics import exp
from xdn.kernels.core.portion import portion
from xdn.kernels.normalise.softmax import over_channels

X, Y, POSITIONS, CHANNELS, PITCH = range(5)


def _softmax():
    def softmax(desc, frame):
        channels, pitch = desc[CHANNELS], desc[PITCH]
        first, end = portion(frame, frame[BLOCKS] * desc[POSITIONS])
        for position in range(first, end):
            at = position * pitch * 4
            x, y = f32_at(frame[ARENA] + desc[X] + at), f32_at(frame[ARENA] + desc[Y] + at)
            most = x[0]
            for c in range(1, channels):
                most = x[c] if x[c] > most else most
            for c in range(channels):
                y[c] = exp(x[c] - most)
            total = y[0]
            for c in range(1, channels):
                total += y[c]
            for c in range(channels):
                y[c] /= total

    return softmax


@family("channel_softmax", "Softmax", when=over_channels, schedules=(CHANNEL,))
def lower_softmax(lowering: Lowering) -> Lowered:
    """e**(x - max) over their sum, along the channels."""
    layer, layout = lowering.layer, lowering.top()
    sizes = {POSITIONS: layout.positions, CHANNELS: layout.channels, PITCH: layout.position_elements}
    source = KernelSource(KernelName("channel_softmax", lowering.target.name), _softmax)
    return Lowered([Step(source, words(5, sizes), {X: layer.bottoms[0], Y: layer.tops[0]})])
