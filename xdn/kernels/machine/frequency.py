"""How many cycles a second a core has: a chain of additions, of which it does one a cycle.

With the widest multiply-adds beside it the same chain tells how far a processor slows down for these.
"""

from collections.abc import Sequence

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.source import KernelSource
from xdn.codegen.target import Target
from xdn.kernels.machine.probe import EmitLoop, probe

#: Additions of a step.
CHAIN = 16


def additions(target: Target, wide: bool) -> KernelSource:
    """Return the kernel; `wide`: with a vector's multiply-add for each addition. Its first operand is read."""
    return probe("cycles_wide" if wide else "cycles", target, _loop(wide))


def _loop(wide: bool) -> EmitLoop:
    def emit(b: VectorBuilder, values: ir.Value, steps: ir.Value, around: ir.Value) -> Sequence[ir.Value]:
        # Processors leave out additions of constants: it is a number that they cannot know.
        term, factor = b.opaque(around), b.broadcast(b.scalar(values))

        def one_step(step: ir.Value, carried: list[ir.Value]) -> list[ir.Value]:
            count, *vectors = carried
            for _ in range(CHAIN):
                count = b.opaque(b.ir.add(count, term))
            return [count, *(b.fma(each, factor, factor) for each in vectors)]

        starts = [b.const(0), *[b.number(0)] * (CHAIN if wide else 0)]
        count, *vectors = b.loop(b.const(0), steps, starts, one_step)
        return [b.broadcast(b.ir.sitofp(count, ir.FloatType())), *vectors]

    return emit
