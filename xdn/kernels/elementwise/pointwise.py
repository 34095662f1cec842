"""Layers that map every element on its own: y[i] = f(x[i], constants) over all elements of a chunk."""

from dataclasses import replace

import numpy as np

from xdn.codegen.intrinsics import at, same_place
from xdn.codegen.source import KernelBody
from xdn.element import real
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.mathematics import MOST_CONSTANTS, of_element
from xdn.kernels.core.portion import portion
from xdn.kernels.core.work import Phase
from xdn.layers.function import Function, Kernel, functions


class Pointwise(Descriptor):
    """Elements of a block, and `MOST_CONSTANTS` constants."""

    x, y = Place(), Place()
    y_block = Size()
    constants = Pointer()


def _body(kernel: Kernel) -> KernelBody:
    f = of_element(kernel.formula, len(kernel.constants))

    def pointwise(d, frame):
        x, y, constants = at(frame, d.x), at(frame, d.y), d.constants
        first, end = portion(frame, frame.blocks * d.y_block)
        one, two, three, four = constants[0], constants[1], constants[2], constants[3]
        # Two loops, because a compiler vectorises a loop over two arrays only where they do not overlap.
        if same_place(d.x, d.y):
            for i in range(first, end):
                y[i] = f(y[i], one, two, three, four)
        else:
            for i in range(first, end):
                y[i] = f(x[i], one, two, three, four)

    return pointwise


def lower_kernel(lowering: Lowering, kernel: Kernel) -> Lowered:
    """Return the step that computes a function of every element."""
    x, y = lowering.layer.bottoms[0], lowering.layer.tops[0]
    constants = np.zeros(MOST_CONSTANTS, real)
    with np.errstate(over="ignore"):
        constants[: len(kernel.constants)] = kernel.constants
    words = lowering.words(Pointwise, constants=constants)
    return Lowered([lowering.step(kernel.word, lambda: _body(kernel), words, serves_both=True)], in_place={y: x})


def over_bottom(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what a function takes: most are written over what they read."""
    (phase,) = lowering.moving()
    return (replace(phase, streams=(lowering.read,)),)


def _enter(word: str, types: list[type[Function]]) -> None:
    """Enter the family of the layer types that are one and the same function into the table of families."""

    def lower(lowering: Lowering) -> Lowered:
        return lower_kernel(lowering, lowering.params.kernel())

    lower.__doc__ = types[0].__doc__
    family(word, *(cls.type for cls in types), schedules=BOTH, phases=over_bottom)(lower)


for _word in {cls.word: None for cls in functions()}:
    _enter(_word, [cls for cls in functions() if cls.word == _word])


@family("times", "Dropout", when=lambda lowering: lowering.params.factor != 1, schedules=BOTH)
def lower_dropout(lowering: Lowering) -> Lowered:
    """Multiply by what training left to the test phase."""
    return lower_kernel(lowering, Kernel("times", lambda m, x, factor: m.mul(x, factor), (lowering.params.factor,)))
