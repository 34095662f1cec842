"""What memory can give at most: a loop that reads an array and does nothing else.

With A accumulators, each a vector::

    for i in range(0, vectors, A):
        acc[a] = acc[a] + values[i + a]                a < A
"""

from collections.abc import Callable

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.compiler import KernelBody, KernelSource
from xdn.codegen.intrinsics import f32_at
from xdn.codegen.jit import F32_POINTER, I64, VOID, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.target import Target, target_named

#: Vectors of one step: as many chains as hide an addition's latency.
ACCUMULATORS = 8
#: Address of the values, aligned to vectors; how many steps are read.
VALUES, STEPS, WORD_COUNT = 0, 1, 2
#: Word of the frame: address of an f32 for the sum of the accumulators' first lanes; it keeps them from being dropped.
SUM = 0


def step_elements(target: Target) -> int:
    """Return the f32 that one step reads."""
    return ACCUMULATORS * target.lanes


def reading(target: Target) -> KernelSource:
    """Return the kernel."""
    name = KernelName("read", target.name)
    return KernelSource(name, lambda: _body(name))


def _sum(target: Target) -> Callable[..., None]:
    """Return the intrinsic that reads all values and stores the sum."""

    @emitted(VOID, F32_POINTER, I64, F32_POINTER)
    def summed(irbuilder, *args):
        _emit(VectorBuilder(irbuilder, target), *args)

    return summed


def _emit(b: VectorBuilder, values: ir.Value, steps: ir.Value, total: ir.Value) -> None:
    def one_step(step: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        at = b.offset(values, b.ir.mul(step, b.const(step_elements(b.target))))
        return [b.add(value, b.load(at, a)) for a, value in enumerate(acc)]

    first, *rest = b.loop(b.const(0), steps, [b.number(0)] * ACCUMULATORS, one_step)
    for each in rest:
        first = b.add(first, each)
    b.ir.store(b.ir.extract_element(first, ir.Constant(ir.IntType(32), 0)), total)


def _body(name: KernelName) -> KernelBody:
    summed = _sum(target_named(name.isa))

    def read(desc, frame):
        summed(f32_at(desc[VALUES]), desc[STEPS], f32_at(frame[SUM]))

    return read
