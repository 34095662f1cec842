"""What the processor's dot products can reach at most: instructions that multiply two or four numbers in each lane.

LLVM has no vectors of bf16 that llvmlite can name, and spells these instructions differently from version to version:
they are written as the processor spells them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.source import KernelSource
from xdn.codegen.target import AMX, Target
from xdn.element import BF16, S8, Element
from xdn.kernels.machine.peak import accumulators
from xdn.kernels.machine.probe import probe


@dataclass(frozen=True)
class Dot:
    """An instruction that adds products of neighbours to each lane.

    Parameters
    ----------
    feature : str
        LLVM's name of what the processor must have.
    assembly : str
        Accumulator $0, operands $2 and $3.
    registers : str
        LLVM's letter for the registers that it takes.
    """

    feature: str
    assembly: str
    registers: str


_WIDE = {
    BF16: [Dot("avx512bf16", "vdpbf16ps $2, $3, $0", "v")],
    S8: [Dot("avx512vnni", "vpdpbusd $2, $3, $0", "v")],
}
#: Target -> element -> its instructions, the best one first.
DOTS: Mapping[str, Mapping[Element, Sequence[Dot]]] = {
    AMX: _WIDE,
    "avx512f": _WIDE,
    "avx2": {S8: [Dot("avxvnni", "{vex} vpdpbusd $2, $3, $0", "x")]},
}


def dot_for(target: Target, element: Element, features: frozenset[str]) -> Dot | None:
    """Return the instruction of a processor with some features, None where it has none."""
    found = DOTS.get(target.name, {}).get(element, ())
    return next((dot for dot in found if dot.feature in features), None)


def step_macs(target: Target, element: Element) -> int:
    """Return the multiply-adds of one step of the loop."""
    return accumulators(target) * target.lanes * element.interleave


def dots(target: Target, element: Element, dot: Dot) -> KernelSource:
    """Return the kernel, which needs no operands."""
    return probe("dots", target, _loop(dot), element)


def _loop(dot: Dot) -> Callable[[VectorBuilder, ir.Value, ir.Value, ir.Value], Sequence[ir.Value]]:
    def emit(b: VectorBuilder, values: ir.Value, steps: ir.Value, around: ir.Value) -> Sequence[ir.Value]:
        kind = ir.FunctionType(b.kind, [b.kind] * 3)
        constraints = f"={dot.registers},0,{dot.registers},{dot.registers}"
        zero = b.number(0)

        def multiply(acc: ir.Value) -> ir.Value:
            return b.ir.asm(kind, dot.assembly, constraints, [acc, zero, zero], side_effect=False)

        starts = [zero] * accumulators(b.target)
        return b.loop(b.const(0), steps, starts, lambda step, acc: [multiply(each) for each in acc])

    return emit
