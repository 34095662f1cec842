"""Softmax over the channels of a position.

For a position, and in the batch schedule for all images of a block at once::

    most = x[0]
    for c in range(1, channels):
        most = x[c] if x[c] > most else most
    for c in range(channels):
        y[c]   = e ** (x[c] - most)
        total += y[c]
    for c in range(channels):
        y[c] /= total

Each schedule has a loop of its own, with the sum in the same order: images are vectors, and all is done by vectors;
channels that follow each other are, too, but only their exponentials are computed so.
"""

from collections.abc import Callable
from functools import partial

from llvmlite import ir

from xdn.codegen import formulas
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.intrinsics import at, at_element, moved
from xdn.codegen.jit import I64, POINTER, VOID, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target
from xdn.kernels.core.descriptor import Descriptor, Place, Size
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.layout import BATCH, BOTH, Schedule
from xdn.kernels.core.mathematics import exp
from xdn.kernels.core.portion import portion
from xdn.kernels.core.rows import row_builder
from xdn.kernels.core.work import Phase

#: Cycles of a vector: whose lanes are summed alone, and of channels of one image, which are summed one by one.
VECTOR_CYCLES, _CHANNELS_CYCLES = 30.0, 140.0


class Softmax(Descriptor):
    """Positions of a block, the channels of each, and elements from one to the next."""

    x, y = Place(), Place()
    positions, channels, y_pitch = Size(), Size(), Size()


def softmax(target: Target, schedule: Schedule = BATCH) -> KernelSource:
    """Return the kernel for an instruction set."""
    make = partial(_of_images, target) if schedule is BATCH else _of_channels
    return kernel_source(KernelName(schedule.op("softmax"), target.name), make, Softmax)


def _position(target: Target) -> Callable[..., None]:
    """Return the intrinsic that computes all channels of one position for all images of a block."""

    @emitted(VOID, POINTER, I64, POINTER)
    def position(irbuilder, x, channels, y):
        b = row_builder(irbuilder, target)
        emit_softmax(b, x, channels, y, b.const(target.block_images))

    return position


def emit_softmax(b: VectorBuilder, x: ir.Value, count: ir.Value, y: ir.Value, step: ir.Value) -> None:
    """Emit e**(x - max) over their sum for each lane of `count` values that lie `step` elements apart, in order."""

    def find_most(number, carried):
        return [b.larger(b.load(_place(b, x, step, number)), carried[0])]

    (most,) = b.loop(b.const(1), count, [b.load(x)], find_most)
    emit_quotients(b, y, count, step, emit_powers(b, x, count, y, step, most))


def emit_powers(
    b: VectorBuilder, x: ir.Value, count: ir.Value, y: ir.Value, step: ir.Value, most: ir.Value
) -> ir.Value:
    """Emit e**(x - most) for each lane of `count` values that lie `step` elements apart, and return their sum."""

    def exponentiate(number, carried):
        power = formulas.exp(b, b.sub(b.load(_place(b, x, step, number)), most))
        b.store(power, _place(b, y, step, number))
        return [b.add(carried[0], power)]

    (total,) = b.loop(b.const(0), count, [b.number(0)], exponentiate)
    return total


def emit_quotients(b: VectorBuilder, y: ir.Value, count: ir.Value, step: ir.Value, total: ir.Value) -> None:
    """Emit y / total, in place, for each lane of `count` values that lie `step` elements apart."""

    def divide(number, carried):
        b.store(b.div(b.load(_place(b, y, step, number)), total), _place(b, y, step, number))
        return []

    b.loop(b.const(0), count, [], divide)


def _place(b: VectorBuilder, begin: ir.Value, step: ir.Value, number: ir.Value) -> ir.Value:
    return b.offset(begin, b.ir.mul(step, number))


def _of_images(target: Target) -> KernelBody:
    """Return the loop over positions, as Numba compiles it."""
    position = _position(target)

    def softmax(d, frame):
        x, y, channels, pitch = at(frame, d.x), at(frame, d.y), d.channels, d.y_pitch
        for p in range(frame.blocks * d.positions):
            position(moved(x, p * pitch), channels, moved(y, p * pitch))

    return softmax


def _of_channels() -> KernelBody:
    def softmax(d, frame):
        channels, pitch = d.channels, d.y_pitch
        begin, end = portion(frame, frame.blocks * d.positions)
        for p in range(begin, end):
            x, y = at_element(frame, d.x, p * pitch), at_element(frame, d.y, p * pitch)
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


def _over_channels(lowering: Lowering) -> bool:
    """Return whether the sum runs over axis 1."""
    return lowering.bottoms[0].axis(lowering.params.axis) == 1


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    return lowering.moving(VECTOR_CYCLES if lowering.schedule is BATCH else _CHANNELS_CYCLES)


@family("softmax", "Softmax", when=_over_channels, schedules=BOTH, phases=_phases)
def lower_softmax(lowering: Lowering) -> Lowered:
    """e**(x - max) over their sum, along the channels."""
    return Lowered([Step(softmax(lowering.target, lowering.schedule), lowering.words(Softmax))])
