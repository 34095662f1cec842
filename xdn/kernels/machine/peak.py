"""What the processor's arithmetic can reach at most: fused multiply-adds that touch registers alone.

With A accumulators, each a vector::

    acc[a] = start[a]
    for step in range(steps):
        acc[a] = acc[a] * factor + addend              a < A, independent of each other

A multiply-add takes a few cycles, and a processor begins one or two in each: with enough independent chains it never
waits. A factor below 1 leads every chain to addend / (1 - factor), so that no value overflows or becomes denormal.
Different starts keep a compiler from computing one chain for all.
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

#: Values before the accumulators' starts.
FIRST_START = 2


class Chains(Descriptor):
    """Factor, addend, then the start of each accumulator; how often the loop is run.

    total
        One number, for the sum of the accumulators' first lanes; it keeps them from being dropped.
    """

    values, steps, total = Pointer(), Size(), Pointer()


def accumulators(target: Target) -> int:
    """Return the number of independent chains: three quarters of the registers, which hides the latency everywhere."""
    return target.registers * 3 // 4


def step_flops(target: Target) -> int:
    """Return the floating-point operations of one step of the loop; a multiply-add counts as two."""
    return 2 * accumulators(target) * target.lanes


def peak(target: Target) -> KernelSource:
    """Return the kernel."""
    name = KernelName("peak", target.name)
    return kernel_source(name, lambda: _body(name), Chains)


def _chains(target: Target) -> Callable[..., None]:
    """Return the intrinsic that runs the loop and stores the sum."""

    @emitted(VOID, POINTER, I64, POINTER)
    def chains(irbuilder, *args):
        _emit(VectorBuilder(irbuilder, target), *args)

    return chains


def _emit(b: VectorBuilder, values: ir.Value, steps: ir.Value, total: ir.Value) -> None:
    factor, addend = b.broadcast(b.scalar(values, 0)), b.broadcast(b.scalar(values, 1))
    starts = [b.broadcast(b.scalar(values, FIRST_START + a)) for a in range(accumulators(b.target))]
    ends = b.loop(b.const(0), steps, starts, lambda step, acc: [b.fma(a, factor, addend) for a in acc])
    result = ends[0]
    for each in ends[1:]:
        result = b.add(result, each)
    b.ir.store(b.ir.extract_element(result, ir.Constant(ir.IntType(32), 0)), total)


def _body(name: KernelName) -> KernelBody:
    chains = _chains(target_named(name.isa))

    def run_chains(d, frame):
        chains(d.values, d.steps, d.total)

    return run_chains
