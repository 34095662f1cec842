"""What memory can give at most: a loop that reads an array and does nothing else.

With A accumulators, each a vector::

    for i in range(0, vectors, A):
        acc[a] = acc[a] + values[i + a]                a < A
"""

from collections.abc import Callable

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.jit import I64, POINTER, VOID, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.source import KernelBody, KernelSource
from xdn.codegen.target import Target, target_named
from xdn.kernels.core.descriptor import Descriptor, Pointer, Size
from xdn.kernels.core.frame import kernel_source

#: Vectors of one step: as many chains as hide an addition's latency.
ACCUMULATORS = 8


class Reading(Descriptor):
    """Values, aligned to vectors, and how many steps are read.

    total
        One number, for the sum of the accumulators' first lanes; it keeps them from being dropped.
    """

    values, steps, total = Pointer(), Size(), Pointer()


def step_elements(target: Target) -> int:
    """Return the f32 that one step reads."""
    return ACCUMULATORS * target.lanes


def reading(target: Target) -> KernelSource:
    """Return the kernel."""
    name = KernelName("read", target.name)
    return kernel_source(name, lambda: _body(name), Reading)


def _sum(target: Target) -> Callable[..., None]:
    """Return the intrinsic that reads all values and stores the sum."""

    @emitted(VOID, POINTER, I64, POINTER)
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

    def read(d, frame):
        summed(d.values, d.steps, d.total)

    return read
