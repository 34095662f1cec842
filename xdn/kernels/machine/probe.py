"""What probes have in common: a loop of machine code over operands, run so many steps.

What a loop computes is added into one number, which keeps a compiler from dropping it. All probes are one nest
(`xdn/codegen/nest.py`): Numba compiles them once.
"""

from collections.abc import Callable, Sequence

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.jit import I64, POINTER, VOID, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target
from xdn.element import REAL, Element
from xdn.kernels.core.descriptor import Descriptor, Pointer, Size
from xdn.kernels.core.frame import kernel_source


class Probe(Descriptor):
    """Operands, aligned to vectors; how many steps the loop has.

    around
        After how many steps, a power of two, the operands are read from the start again.
    total
        One number, for the first lane of what the loop computes.
    """

    values, steps, around, total = Pointer(), Size(), Size(), Pointer()


#: (builder, operands, steps, around) -> vectors of what was computed.
EmitLoop = Callable[[VectorBuilder, ir.Value, ir.Value, ir.Value], Sequence[ir.Value]]


def probe(op: str, target: Target, emit: EmitLoop, element: Element = REAL) -> KernelSource:
    """Return the kernel of a probe; `element` is what it multiplies."""
    return kernel_source(KernelName(op, target.name, element=element), lambda: _body(target, emit), Probe)


def _body(target: Target, emit: EmitLoop) -> KernelBody:
    @emitted(VOID, POINTER, I64, I64, POINTER)
    def loop(irbuilder, values, steps, around, total):
        b = VectorBuilder(irbuilder, target)
        first, *rest = emit(b, values, steps, around)
        for each in rest:
            first = b.add(first, each)
        irbuilder.store(irbuilder.extract_element(first, ir.Constant(ir.IntType(32), 0)), total)

    def probe(d, frame):
        loop(d.values, d.steps, d.around, d.total)

    return probe


def number_within(b: VectorBuilder, step: ir.Value, around: ir.Value) -> ir.Value:
    """Return `step` modulo `around`, a power of two."""
    return b.ir.and_(step, b.ir.sub(around, b.const(1)))
