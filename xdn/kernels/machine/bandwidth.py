"""What memory, or a cache, can give at most: a loop that reads an array and does nothing else.

With A accumulators, each a vector::

    for step in range(steps):
        acc[a] = acc[a] + values[step % around][a]     a < A
"""

from collections.abc import Sequence

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.source import KernelSource
from xdn.codegen.target import Target
from xdn.kernels.machine.probe import number_within, probe

#: Vectors of one step: as many chains as hide an addition's latency.
ACCUMULATORS = 8


def step_elements(target: Target) -> int:
    """Return the values that one step reads."""
    return ACCUMULATORS * target.lanes


def reading(target: Target) -> KernelSource:
    """Return the kernel."""
    return probe("read", target, _emit)


def _emit(b: VectorBuilder, values: ir.Value, steps: ir.Value, around: ir.Value) -> Sequence[ir.Value]:
    def one_step(step: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        at = b.offset(values, b.ir.mul(number_within(b, step, around), b.const(step_elements(b.target))))
        return [b.add(value, b.load(at, a)) for a, value in enumerate(acc)]

    return b.loop(b.const(0), steps, [b.number(0)] * ACCUMULATORS, one_step)
