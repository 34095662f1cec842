"""Layers that map every element on its own: y[i] = f(x[i], constants) over all elements of a chunk."""

import numpy as np

from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at
from xdn.codegen.names import KernelName
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.layout import ARENA, BLOCKS, BOTH
from xdn.kernels.core.mathematics import MOST_CONSTANTS, of_element
from xdn.kernels.core.portion import portion
from xdn.layers.function import Function, Kernel, functions

X, Y, BLOCK, CONSTANTS = range(4)


def _body(kernel: Kernel) -> KernelBody:
    f = of_element(kernel.formula, len(kernel.constants))

    def pointwise(desc, frame):
        x, y = f32_at(frame[ARENA] + desc[X]), f32_at(frame[ARENA] + desc[Y])
        constants = f32_at(desc[CONSTANTS])
        a, b, c, d = constants[0], constants[1], constants[2], constants[3]
        first, end = portion(frame, frame[BLOCKS] * desc[BLOCK])
        # Two loops, because a compiler vectorises a loop over two arrays only where they do not overlap.
        if desc[X] == desc[Y]:
            for i in range(first, end):
                y[i] = f(y[i], a, b, c, d)
        else:
            for i in range(first, end):
                y[i] = f(x[i], a, b, c, d)

    return pointwise


def _lower(lowering: Lowering, kernel: Kernel) -> Lowered:
    """Return the step that computes a function of every element."""
    layer = lowering.layer
    constants = np.zeros(MOST_CONSTANTS, np.float32)
    with np.errstate(over="ignore"):
        constants[: len(kernel.constants)] = kernel.constants
    descriptor = words(4, {BLOCK: lowering.top().block_elements, CONSTANTS: address(constants)})
    source = KernelSource(KernelName(kernel.word, lowering.target.name), lambda: _body(kernel))
    step = Step(source, descriptor, {X: layer.bottoms[0], Y: layer.tops[0]}, (constants,))
    return Lowered([step], in_place={layer.tops[0]: layer.bottoms[0]})


def _enter(word: str, types: list[type[Function]]) -> None:
    """Enter the family of the layer types that are one and the same function into the table of families."""

    def lower(lowering: Lowering) -> Lowered:
        return _lower(lowering, lowering.layer.params.kernel())

    lower.__doc__ = types[0].__doc__
    family(word, *(cls.type for cls in types), schedules=BOTH)(lower)


for _word in {cls.word: None for cls in functions()}:
    _enter(_word, [cls for cls in functions() if cls.word == _word])


@family("times", "Dropout", when=lambda lowering: lowering.layer.params.factor != 1, schedules=BOTH)
def lower_dropout(lowering: Lowering) -> Lowered:
    """Multiply by what training left to the test phase."""
    return _lower(lowering, Kernel("times", lambda m, x, factor: m.mul(x, factor), (lowering.layer.params.factor,)))
