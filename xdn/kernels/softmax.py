"""Softmax over the channels of a position."""

import numpy as np

from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import f32_at
from xdn.codegen.names import KernelName
from xdn.kernels.family import Lowered, Lowering, Step, family, words
from xdn.kernels.layout import ARENA, BLOCKS, B
from xdn.kernels.mathematics import exp

X, Y, POSITIONS, CHANNELS = range(4)


def _softmax():
    def softmax(desc, frame):
        channels = desc[CHANNELS]
        for position in range(frame[BLOCKS] * desc[POSITIONS]):
            for lane in range(B):
                at = position * channels * B + lane
                x, y = f32_at(frame[ARENA] + desc[X] + at * 4), f32_at(frame[ARENA] + desc[Y] + at * 4)
                most = x[0]
                for c in range(1, channels):
                    most = max(most, x[c * B])
                total = np.float32(0)
                for c in range(channels):
                    value = exp(x[c * B] - most)
                    y[c * B] = value
                    total += value
                for c in range(channels):
                    y[c * B] /= total

    return softmax


@family("softmax", "Softmax")
def lower_softmax(lowering: Lowering) -> Lowered:
    """e**(x - max) over their sum, along the channels."""
    layer, layout = lowering.layer, lowering.top()
    if lowering.bottoms[0].axis(layer.params.axis) != 1:
        raise lowering.unsupported(f"the executor runs Softmax over axis 1, not axis {layer.params.axis}")
    descriptor = words(4, {POSITIONS: layout.positions, CHANNELS: layout.channels})
    source = KernelSource(KernelName("softmax", lowering.isa.name), _softmax)
    return Lowered([Step(source, descriptor, {X: layer.bottoms[0], Y: layer.tops[0]})])
