"""What the contraction kernels of both schedules have in common: one or two sources, loops over runs and channels."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.jit import VOID, Kind, emitted
from xdn.codegen.names import KernelName
from xdn.codegen.target import target_named
from xdn.element import S64, Element
from xdn.graph import Array
from xdn.kernels.contract.task import Contraction
from xdn.kernels.core.descriptor import Place, Pointer, Size, redeclared
from xdn.kernels.core.epilogue import PROJECTION, Fused

#: (x offset, first packed channel, channels, accumulators) -> the accumulators after a run.
OneRun = Callable[[ir.Value, ir.Value, ir.Value, list[ir.Value]], list[ir.Value]]
#: Number of a channel -> (the vectors of that channel, the rows' scalars).
Operands = Callable[[ir.Value], tuple[Sequence[ir.Value], Iterable[ir.Value]]]


Words = TypeVar("Words", bound="Contract")


class Contract(Fused):
    """What a contraction is told; a class below adds its tables.

    runs
        Table of runs, as `TapLists.in_runs` gives it: rows of (x offset from the position's, first packed channel,
        channels).
    x2, weights2, runs2, x2_block
        Of the second source, which has no groups.
    """

    runs = Pointer(S64)
    x2, weights2, runs2, x2_block = Place(), Pointer(), Pointer(S64), Size()


@cache
def storing(words: type[Words], weights: Element) -> type[Words]:
    """Return `words` for weights that are stored as another element."""
    return redeclared(words, weights, Pointer, "weights", "weights2")


def source_words(task: Contraction, packed: Sequence[Array]) -> dict[str, Any]:
    """Return the values of the fields that each source has, whose weights are `packed`."""
    found: dict[str, Any] = {}
    for which, source, weights in zip(("", "2"), task.sources, packed, strict=False):
        found |= {f"weights{which}": weights, f"runs{which}": source.runs}
        found |= {f"x{which}": source.blob, f"x{which}_block": source.layout.block_elements}
    return found


def tile_function(name: KernelName, source: Sequence[Kind], ends: Sequence[Kind], emit: Callable[..., None]) -> Any:
    """Return what a kernel calls to compute one tile of one position, or of a few.

    Parameters
    ----------
    name : KernelName
    source : kinds
        What the tile takes of a source; where `name` says that there are two, it takes that of the second last.
    ends : kinds
        What it takes of both ends of the sum.
    emit : callable
        (builder, what it takes of each source, what it takes of the ends, name) -> None.
    """
    target, first_end = target_named(name.isa), len(source)
    second = tuple(source) if PROJECTION in name.epilogue else ()

    @emitted(VOID, *source, *ends, *second)
    def tile(irbuilder: ir.IRBuilder, *args: ir.Value) -> None:
        last_end = first_end + len(ends)
        sources = [each for each in (args[:first_end], args[last_end:]) if each]
        emit(VectorBuilder(irbuilder, target), sources, args[first_end:last_end], name)

    return tile


def add_runs(
    b: VectorBuilder, runs: ir.Value, span: Sequence[ir.Value], acc: list[ir.Value], one_run: OneRun
) -> list[ir.Value]:
    """Emit the loop over the runs `span` of the table; return the accumulators after it."""

    def one(number: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        offset, channel, channels = (b.scalar(b.offset(runs, b.ir.mul(number, b.const(3))), word) for word in range(3))
        return one_run(offset, channel, channels, acc)

    first, end = span
    return b.loop(first, end, acc, one)


def add_channels(b: VectorBuilder, channels: ir.Value, acc: list[ir.Value], operands: Operands) -> list[ir.Value]:
    """Emit the loop over channels: every row's scalar times every vector, added to `acc`, row by row.

    Return the accumulators after it.
    """

    def one_channel(c: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        vectors, scalars = operands(c)
        result: list[ir.Value] = []
        for scalar in scalars:
            factor = b.broadcast(scalar)
            result += [b.fma(factor, vector, acc[len(result) + v]) for v, vector in enumerate(vectors)]
        return result

    return b.loop(b.const(0), channels, acc, one_channel)
