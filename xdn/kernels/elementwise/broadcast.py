"""One factor or summand an image and channel, from another blob: squeeze-and-excitation's last step.

::

    for position in positions:
        for i in row:
            y[i] = a[i] * x[i] + z[i]                      a is the same row at every position
"""

from collections.abc import Callable

from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at
from xdn.codegen.jit import jitable
from xdn.codegen.names import KernelName
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.layout import ARENA, BLOCKS, BOTH
from xdn.kernels.core.portion import portion

A, X, Z, Y, POSITIONS, ROW = range(6)


def _scaled(a, x, z):
    return a * x


def _shifted(a, x, z):
    return x + a


def _scaled_sum(a, x, z):
    return a * x + z


def _body(function: Callable[..., float]) -> KernelBody:

    f = jitable(function)

    def broadcast(desc, frame):
        positions, row = desc[POSITIONS], desc[ROW]
        begin, stop = portion(frame, positions)
        for block in range(frame[BLOCKS]):
            a = f32_at(frame[ARENA] + desc[A] + block * row * 4)
            here = block * positions * row * 4
            x, z = f32_at(frame[ARENA] + desc[X] + here), f32_at(frame[ARENA] + desc[Z] + here)
            y = f32_at(frame[ARENA] + desc[Y] + here)
            for p in range(begin, stop):
                # Loops apart, because a compiler vectorises only where the arrays do not overlap.
                if desc[X] == desc[Y]:
                    for i in range(p * row, p * row + row):
                        y[i] = f(a[i - p * row], y[i], z[i])
                else:
                    for i in range(p * row, p * row + row):
                        y[i] = f(a[i - p * row], x[i], z[i])

    return broadcast


def _lower(lowering: Lowering, op: str, function: Callable[..., float], names: tuple[str, str, str]) -> Lowered:
    """Return the step for a factor, what it scales, and what is added: blobs by name."""
    layout, top = lowering.top(), lowering.layer.tops[0]
    source = KernelSource(KernelName(op, lowering.target.name), lambda: _body(function))
    sizes = words(6, {POSITIONS: layout.positions, ROW: layout.position_elements})
    step = Step(source, sizes, {**dict(zip((A, X, Z), names, strict=True)), Y: top})
    return Lowered([step], in_place={top: names[1]})


@family("axpy", "Axpy", schedules=BOTH)
def lower_axpy(lowering: Lowering) -> Lowered:
    """Multiply by one factor an image and channel, and add a blob."""
    factors, x, z = lowering.layer.bottoms
    return _lower(lowering, "scaled_sum", _scaled_sum, (factors, x, z))


def _a_value_per_channel(lowering: Lowering) -> bool:
    """Return whether the second bottom has one value an image and channel of the first, and nothing else is done."""
    bottoms, params = lowering.bottoms, lowering.layer.params
    if len(bottoms) != 2 or getattr(params, "bias_term", False):
        return False
    return bottoms[0].axis(params.axis) == 0 and bottoms[1].shape == bottoms[0].shape[:2]


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
