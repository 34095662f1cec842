"""Bilinear interpolation of 8-bit integers: that of the values that they stand for, rounded alike on all processors.

For a position and a group of channels (`xdn/kernels/core/groups.py`)::

    v[corner] = f32(x[corner]) * scale
    left  = (1 - dy) * v[above left]  + dy * v[below left]
    right = (1 - dy) * v[above right] + dy * v[below right]
    y     = (1 - dx) * left + dx * right                   or as integers: clip(rint(y * inverse))
"""

from collections.abc import Sequence
from functools import partial

from llvmlite import ir

from xdn.codegen.intrinsics import at_element, moved
from xdn.codegen.jit import I64, NUMBER, POINTER, VOID, Kind, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody
from xdn.element import REAL, S8, U8, Element
from xdn.kernels.core.descriptor import Number, Place, Size, over, redeclared
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.frame import kernel_source
from xdn.kernels.core.groups import Groups, group_channels, group_count, group_elements
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion
from xdn.kernels.move.interp import Interp, interp_footprint, interp_tables

#: Cycles of a vector of bytes of results.
_VECTOR_CYCLES = 60.0


class Integers(Interp):
    """What f32 does not need: groups of a position, and channels.

    scale, inverse
        What 1 stands for in x; 1 / what it does in a top of integers.
    """

    groups, channels = Size(), Size()
    scale, inverse = Number(), Number()


def _emit(groups: Groups, read: Element, top: Element, args: Sequence[ir.Value]) -> None:
    """Emit all groups of a position: its four corners, their weights, what it is told of scales and channels."""
    (*corners, y, weights, scale, inverse, count, channels), b = args, groups.b
    scale, inverse = b.broadcast(scale), b.broadcast(inverse)
    up, down, left, right = (b.broadcast(b.scalar(weights, number)) for number in range(4))

    def one_group(g: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
        at = b.ir.mul(g, b.const(group_elements(b.target, groups.schedule)))
        first = b.ir.mul(g, b.const(group_channels(b.target, groups.schedule)))
        last = b.ir.sub(b.ir.sub(channels, first), b.const(1))
        results = []
        for around in zip(*(groups.values(b.offset(x, at), read, scale) for x in corners), strict=True):
            above_left, below_left, above_right, below_right = around
            one = b.add(b.mul(up, above_left), b.mul(down, below_left))
            other = b.add(b.mul(up, above_right), b.mul(down, below_right))
            results.append(b.add(b.mul(left, one), b.mul(right, other)))
        groups.store(results, b.offset(y, at), top, inverse, last)
        return carried

    b.loop(b.const(0), count, [], one_group)


def _body(lowering: Lowering) -> KernelBody:
    """Return the loop over positions."""
    (bottom,), (top,) = lowering.bottoms, lowering.tops
    x, y = Kind(bottom.element, "pointer"), Kind(top.element, "pointer")

    @emitted(VOID, x, x, x, x, y, POINTER, NUMBER, NUMBER, I64, I64)
    def position(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        _emit(Groups.of(irbuilder, lowering.target, lowering.schedule), bottom.element, top.element, args)

    def interp(d, frame):
        corners, weights, pitch = d.corners, d.weights, d.x_pitch
        begin, stop = portion(frame, d.positions)
        for block in range(frame.blocks):
            x, y = at_element(frame, d.x, block * d.x_block), at_element(frame, d.y, block * d.y_block)
            for p in range(begin, stop):
                position(
                    moved(x, corners[4 * p] * pitch),
                    moved(x, corners[4 * p + 1] * pitch),
                    moved(x, corners[4 * p + 2] * pitch),
                    moved(x, corners[4 * p + 3] * pitch),
                    moved(y, p * d.y_pitch),
                    moved(weights, 4 * p),
                    d.scale,
                    d.inverse,
                    d.groups,
                    d.channels,
                )

    return interp


@family(
    "integers_interp",
    "Interp",
    "DeephiResize",
    when=lambda lowering: lowering.tops[0].element in (REAL, U8, S8),
    quantized=True,
    schedules=BOTH,
    footprint=interp_footprint,
    phases=lambda lowering: lowering.moving_bytes(_VECTOR_CYCLES),
)
def lower_interp(lowering: Lowering) -> Lowered:
    """Interpolate between four positions."""
    read, top = lowering.bottoms[0].element, lowering.tops[0].element
    corners, weights = interp_tables(lowering)
    words = lowering.words(
        redeclared(over(Integers, read), top, Place, "y"),
        corners=corners,
        weights=weights,
        groups=group_count(lowering.top()),
        scale=lowering.layer.integers[0].scale,
        inverse=lowering.inverse,
    )
    name = KernelName(lowering.schedule.op("interp"), lowering.target.name, ("to", top.name), element=read)
    return Lowered([Step(kernel_source(name, partial(_body, lowering), type(words)), words)])
