"""Softmax over the channels of a position.

For a block of images and a position::

    most = x[0]                                            rows: one value for each image
    for c in range(1, channels):
        most = x[c] if x[c] > most else most
    for c in range(channels):
        y[c]   = e ** (x[c] - most)
        total += y[c]
    for c in range(channels):
        y[c] /= total

Units: x and y are counted in f32, B from one channel to the next.
"""

from collections.abc import Callable

from llvmlite import ir

from xdn.codegen import formulas
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at
from xdn.codegen.jit import F32_POINTER, I64, VOID, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.layout import ARENA, BLOCKS, F32_BYTES, B
from xdn.kernels.core.rows import row_at, row_builder

X, Y, POSITIONS, CHANNELS = range(4)


def softmax(target: Target) -> KernelSource:
    """Return the kernel for an instruction set."""
    return KernelSource(KernelName("softmax", target.name), lambda: _body(target))


def _position(target: Target) -> Callable[..., None]:
    """Return the intrinsic that computes all channels of one position for all images of a block."""

    @emitted(VOID, F32_POINTER, I64, F32_POINTER)
    def position(irbuilder, *args):
        _emit_position(row_builder(irbuilder, target), *args)

    return position


def _emit_position(b: VectorBuilder, x: ir.Value, channels: ir.Value, y: ir.Value) -> None:
    def find_most(c, carried):
        return [b.larger(b.load(row_at(b, x, c)), carried[0])]

    def exponentiate(c, carried):
        power = formulas.exp(b, b.sub(b.load(row_at(b, x, c)), most))
        b.store(power, row_at(b, y, c))
        return [b.add(carried[0], power)]

    def divide(c, carried):
        b.store(b.div(b.load(row_at(b, y, c)), total), row_at(b, y, c))
        return []

    (most,) = b.loop(b.const(1), channels, [b.load(x)], find_most)
    (total,) = b.loop(b.const(0), channels, [b.number(0)], exponentiate)
    b.loop(b.const(0), channels, [], divide)


def _body(target: Target) -> KernelBody:
    """Return the loop over positions, as Numba compiles it."""
    position = _position(target)

    def softmax(desc, frame):
        x, y = frame[ARENA] + desc[X], frame[ARENA] + desc[Y]
        size = desc[CHANNELS] * B * F32_BYTES
        for p in range(frame[BLOCKS] * desc[POSITIONS]):
            position(f32_at(x + p * size), desc[CHANNELS], f32_at(y + p * size))

    return softmax


def over_channels(lowering: Lowering) -> bool:
    """Return whether the sum runs over axis 1."""
    return lowering.bottoms[0].axis(lowering.layer.params.axis) == 1


@family("softmax", "Softmax", when=over_channels)
def lower_softmax(lowering: Lowering) -> Lowered:
    """e**(x - max) over their sum, along the channels."""
    layer, layout = lowering.layer, lowering.top()
    descriptor = words(4, {POSITIONS: layout.positions, CHANNELS: layout.channels})
    return Lowered([Step(softmax(lowering.target), descriptor, {X: layer.bottoms[0], Y: layer.tops[0]})])
