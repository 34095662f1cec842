"""LRN across channels, which are neighbours in memory.

For a position and a channel::

    energy = 0
    for other in range(c - reach, c + reach + 1):          neighbouring channels that exist, ascending
        energy += x[other] * x[other]
    y[c] = x[c] * (k + alpha * energy) ** -beta

Channels that have all their neighbours are computed as vectors, which begin wherever the channel lies; the few at both
ends one by one.
"""

from collections.abc import Callable

import numpy as np
from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at
from xdn.codegen.jit import F32_POINTER, I64, VOID, emitted, jitable
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.layout import ARENA, BLOCKS, CHANNEL, F32_BYTES
from xdn.kernels.core.mathematics import fma, power
from xdn.kernels.core.portion import portion
from xdn.kernels.normalise.lrn import across_constants, plus_square, scaled

#: CONSTANTS: k, alpha / n, -beta. REACH: neighbours on each side. PITCH: elements from one position to the next.
X, Y, CHANNELS, POSITIONS, REACH, CONSTANTS, PITCH = range(7)


def across(target: Target) -> KernelSource:
    """Return the kernel for an instruction set."""
    return KernelSource(KernelName("channel_lrn_across", target.name), lambda: _body(target))


def _vector(target: Target) -> Callable[..., None]:
    """Return the intrinsic that computes a vector of channels that have all their neighbours."""

    @emitted(VOID, F32_POINTER, I64, F32_POINTER, F32_POINTER)
    def vector(irbuilder, *args):
        b = VectorBuilder(irbuilder, target)
        x, reach, constants, y = args

        def add_neighbour(distance: ir.Value, energy: list[ir.Value]) -> list[ir.Value]:
            return [plus_square(b, energy[0], b.load(b.offset(x, distance), aligned=False))]

        begin, end = b.ir.neg(reach), b.ir.add(reach, b.const(1))
        (energy,) = b.loop(begin, end, [b.number(0)], add_neighbour)
        b.store(scaled(b, energy, b.load(x, aligned=False), constants), y, aligned=False)

    return vector


def _body(target: Target) -> KernelBody:
    """Return the loops over positions and channels, as Numba compiles them."""

    vector, lanes = _vector(target), target.lanes

    @jitable
    def one(x, c, channels, reach, constants, y):
        energy = np.float32(0)
        for other in range(max(0, c - reach), min(channels, c + reach + 1)):
            energy += x[other] * x[other]
        y[c] = x[c] * power(fma(constants[1], energy, constants[0]), constants[2])

    def lrn_across(desc, frame):
        channels, reach, constants = desc[CHANNELS], desc[REACH], f32_at(desc[CONSTANTS])
        first, end = portion(frame, frame[BLOCKS] * desc[POSITIONS])
        # The first channel behind the last whole vector.
        inner = reach + max(0, channels - 2 * reach) // lanes * lanes
        for position in range(first, end):
            at = position * desc[PITCH] * F32_BYTES
            x, y = frame[ARENA] + desc[X] + at, frame[ARENA] + desc[Y] + at
            for c in range(min(reach, channels)):
                one(f32_at(x), c, channels, reach, constants, f32_at(y))
            for c in range(reach, inner, lanes):
                vector(f32_at(x + c * F32_BYTES), reach, constants, f32_at(y + c * F32_BYTES))
            for c in range(inner, channels):
                one(f32_at(x), c, channels, reach, constants, f32_at(y))

    return lrn_across


@family(
    "channel_lrn_across",
    "LRN",
    when=lambda lowering: lowering.layer.params.norm_region == "ACROSS_CHANNELS",
    schedules=(CHANNEL,),
)
def lower_across(lowering: Lowering) -> Lowered:
    """x * (k + alpha / n * sum of n neighbouring channels' squares) ** -beta."""
    layer, layout = lowering.layer, lowering.top()
    constants = across_constants(lowering)
    sizes = {
        CHANNELS: layout.channels,
        POSITIONS: layout.positions,
        REACH: layer.params.local_size // 2,
        CONSTANTS: address(constants),
        PITCH: layout.position_elements,
    }
    return Lowered(
        [Step(across(lowering.target), words(7, sizes), {X: layer.bottoms[0], Y: layer.tops[0]}, (constants,))]
    )
