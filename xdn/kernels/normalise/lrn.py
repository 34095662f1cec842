"""LRN across channels: every value times a power of the energy of the channels around it.

For a position and a channel, and in the batch schedule for all images of a block at once::

    energy = 0
    for other in range(c - reach, c + reach + 1):          neighbouring channels that exist, ascending
        energy += x[other] * x[other]
    y[c] = x[c] * (k + alpha * energy) ** -beta

Squares are summed anew for each channel: a sum that slides along would subtract, and carry their errors on.

In the channel schedule neighbouring channels are neighbours in memory. Energies are summed where the results will be:
vectors of those that have all their neighbours, which begin wherever the channel lies, and the few at both ends one by
one; then whole vectors are scaled.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir

from xdn.codegen import formulas
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, POINTER, VOID, emitted, jitable
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target
from xdn.element import real
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Size
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import BATCH, BOTH, Schedule
from xdn.kernels.core.portion import portion
from xdn.kernels.core.rows import row_at, row_builder
from xdn.kernels.core.work import Phase

#: Cycles of a vector: of images, and of the channels of one image; of the latter for the ends of each position.
_CYCLES, _ENDS = (65.0, 80.0), 70.0


class Across(Descriptor):
    """Positions of a block, channels, elements from one position to the next, neighbours on each side.

    constants
        k, alpha / n, -beta.
    """

    x, y = Place(), Place()
    positions, channels, y_pitch, reach = (Size() for _ in range(4))
    constants = Pointer()


def across(target: Target, schedule: Schedule = BATCH) -> KernelSource:
    """Return the kernel for an instruction set."""
    body = _of_images if schedule is BATCH else _of_channels
    return kernel_source(KernelName(schedule.op("lrn_across"), target.name), lambda: body(target), Across)


def plus_square(b: VectorBuilder, total: ir.Value, x: ir.Value) -> ir.Value:
    """Return total + x * x."""
    return b.add(total, b.mul(x, x))


def scaled(b: VectorBuilder, energy: ir.Value, x: ir.Value, constants: ir.Value) -> ir.Value:
    """Return x * (k + alpha * energy) ** -beta for one row; `constants` points to k, alpha and -beta."""
    k, alpha, exponent = (b.broadcast(b.scalar(constants, i)) for i in range(3))
    return b.mul(x, formulas.power(b, b.fused(alpha, energy, k), exponent))


def _row(target: Target) -> Callable[..., None]:
    """Return the intrinsic that computes one channel from the channels `first` <= other < `end` of its position."""

    @emitted(VOID, POINTER, I64, I64, I64, POINTER, POINTER)
    def row(irbuilder, *args):
        b = row_builder(irbuilder, target)
        x, c, first, end, constants, y = args

        def add_neighbour(other, energy):
            return [plus_square(b, energy[0], b.load(row_at(b, x, other)))]

        (energy,) = b.loop(first, end, [b.number(0)], add_neighbour)
        b.store(scaled(b, energy, b.load(row_at(b, x, c)), constants), row_at(b, y, c))

    return row


def _of_images(target: Target) -> KernelBody:
    """Return the loops over positions and channels, as Numba compiles them."""
    row = _row(target)

    def lrn_across(d, frame):
        channels, reach, constants, pitch = d.channels, d.reach, d.constants, d.y_pitch
        for position in range(frame.blocks * d.positions):
            x, y = at_element(frame, d.x, position * pitch), at_element(frame, d.y, position * pitch)
            for c in range(channels):
                row(x, c, max(0, c - reach), min(channels, c + reach + 1), constants, y)

    return lrn_across


def _energies(target: Target) -> Callable[..., None]:
    """Return the intrinsic that sums the squares for a vector of channels that have all their neighbours."""

    @emitted(VOID, POINTER, I64, POINTER)
    def energies(irbuilder, *args):
        b = VectorBuilder(irbuilder, target)
        x, reach, y = args

        def add_neighbour(distance, energy):
            return [plus_square(b, energy[0], b.load(b.offset(x, distance), aligned=False))]

        begin, end = b.ir.neg(reach), b.ir.add(reach, b.const(1))
        (energy,) = b.loop(begin, end, [b.number(0)], add_neighbour)
        b.store(energy, y, aligned=False)

    return energies


def _scale(target: Target) -> Callable[..., None]:
    """Return the intrinsic that makes results of the energies of some vectors of channels, in their place."""

    @emitted(VOID, POINTER, I64, POINTER, POINTER)
    def scale(irbuilder, *args):
        b = VectorBuilder(irbuilder, target)
        x, vectors, constants, y = args

        def one_vector(v, _):
            c = b.ir.mul(v, b.const(target.lanes))
            place = b.offset(y, c)
            b.store(scaled(b, b.load(place), b.load(b.offset(x, c)), constants), place)
            return []

        b.loop(b.const(0), vectors, [], one_vector)

    return scale


def _of_channels(target: Target) -> KernelBody:
    """Return the loops over positions and channels, as Numba compiles them."""
    energies, scale, lanes = _energies(target), _scale(target), target.lanes

    @jitable
    def energy_of(x, c, channels, reach):
        energy = real(0)
        for other in range(max(0, c - reach), min(channels, c + reach + 1)):
            energy += x[other] * x[other]
        return energy

    def lrn_across(d, frame):
        channels, reach, constants, pitch = d.channels, d.reach, d.constants, d.y_pitch
        begin, end = portion(frame, frame.blocks * d.positions)
        # The first channels, which lack neighbours, and the end of those that vectors sum for.
        ahead = min(reach, channels)
        inner = channels - reach if channels >= 2 * reach + lanes else ahead
        for position in range(begin, end):
            x, y = at_element(frame, d.x, position * pitch), at_element(frame, d.y, position * pitch)
            for c in range(ahead):
                y[c] = energy_of(x, c, channels, reach)
            for c in range(ahead, inner, lanes):
                # The last vector begins early enough to have all neighbours.
                first = min(c, inner - lanes)
                energies(moved(x, first), reach, moved(y, first))
            for c in range(inner, channels):
                y[c] = energy_of(x, c, channels, reach)
            scale(x, pitch // lanes, constants, y)

    return lrn_across


def is_across(lowering: Lowering) -> bool:
    """Return whether the neighbours are channels."""
    return bool(lowering.params.norm_region == "ACROSS_CHANNELS")


def across_words(lowering: Lowering) -> dict[str, Any]:
    """Return the values of the fields of `Across` that follow from the layer's parameters."""
    params = lowering.params
    constants = np.array([params.k, params.alpha / params.local_size, -params.beta], real)
    return {"reach": params.local_size // 2, "constants": constants}


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    if lowering.schedule is BATCH:
        return lowering.moving(_CYCLES[0])
    return lowering.moving(_CYCLES[1], _ENDS * lowering.top().positions)


@family("lrn_across", "LRN", when=is_across, schedules=BOTH, phases=_phases)
def lower_across(lowering: Lowering) -> Lowered:
    """x * (k + alpha / n * sum of n neighbouring channels' squares) ** -beta."""
    words = lowering.words(Across, **across_words(lowering))
    return Lowered([Step(across(lowering.target, lowering.schedule), words)])
