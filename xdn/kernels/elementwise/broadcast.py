"""One factor or summand an image and channel, from another blob: squeeze-and-excitation's last step.

::

    for position in positions:
        for i in row:
            y[i] = a[i] * x[i] + z[i]                      a is the same row at every position
"""

from collections.abc import Callable

from xdn.codegen.intrinsics import at_element, same_place
from xdn.codegen.jit import jitable
from xdn.codegen.source import KernelBody
from xdn.kernels.core.descriptor import Descriptor, Place, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion


class Broadcast(Descriptor):
    """`positions` of a block, with `y_pitch` elements each, as many as `a` has in all."""

    a, x, z, y = Place(), Place(), Place(), Place()
    positions, y_pitch = Size(), Size()


def _scaled(a: float, x: float, z: float) -> float:
    return a * x


def _shifted(a: float, x: float, z: float) -> float:
    return x + a


def _scaled_sum(a: float, x: float, z: float) -> float:
    return a * x + z


def _body(function: Callable[..., float]) -> KernelBody:
    f = jitable(function)

    def broadcast(d, frame):
        positions, row, in_place = d.positions, d.y_pitch, same_place(d.x, d.y)
        begin, stop = portion(frame, positions)
        for block in range(frame.blocks):
            a, first = at_element(frame, d.a, block * row), block * positions * row
            x, z, y = at_element(frame, d.x, first), at_element(frame, d.z, first), at_element(frame, d.y, first)
            for p in range(begin, stop):
                # Two loops, because a compiler vectorises only where the arrays do not overlap.
                if in_place:
                    for i in range(p * row, p * row + row):
                        y[i] = f(a[i - p * row], y[i], z[i])
                else:
                    for i in range(p * row, p * row + row):
                        y[i] = f(a[i - p * row], x[i], z[i])

    return broadcast


def _lower(lowering: Lowering, op: str, function: Callable[..., float], blobs: tuple[str, str, str]) -> Lowered:
    """Return the step for a factor, what it scales, and what is added: blobs by name."""
    a, x, z = blobs
    words = lowering.words(Broadcast, a=a, x=x, z=z)
    in_place = {lowering.layer.tops[0]: x}
    return Lowered([lowering.step(op, lambda: _body(function), words, serves_both=True)], in_place=in_place)


@family("axpy", "Axpy", schedules=BOTH)
def lower_axpy(lowering: Lowering) -> Lowered:
    """Multiply by one factor an image and channel, and add a blob."""
    factors, x, z = lowering.layer.bottoms
    return _lower(lowering, "scaled_sum", _scaled_sum, (factors, x, z))


def _a_value_per_channel(lowering: Lowering) -> bool:
    """Return whether the second bottom has one value an image and channel of the first, and nothing else is done."""
    return bool(lowering.params.along_images(lowering.bottoms))


@family("scale_by", "Scale", when=_a_value_per_channel, schedules=BOTH)
def lower_scale_by(lowering: Lowering) -> Lowered:
    """Multiply by one factor an image and channel."""
    x, factors = lowering.layer.bottoms
    return _lower(lowering, "scaled", _scaled, (factors, x, x))


@family("shift_by", "Bias", when=_a_value_per_channel, schedules=BOTH)
def lower_shift_by(lowering: Lowering) -> Lowered:
    """Add one value an image and channel."""
    x, summands = lowering.layer.bottoms
    return _lower(lowering, "shifted", _shifted, (summands, x, x))
