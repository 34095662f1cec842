"""What the processor's dot products can reach at most: instructions that multiply two or four numbers in each lane.

Of bf16 it is the instruction alone. LLVM has no vectors of bf16 that llvmlite can name, and spells it differently from
version to version: it is written as the processor spells it. Of 8 bits it is the loop of the best register tile,
however the target multiplies (`xdn/codegen/dots.py`), operands in the first cache: what kernels can reach.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from llvmlite import ir

from xdn.codegen.arithmetic import I32
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.dots import DOTS
from xdn.codegen.jit import U8_POINTER
from xdn.codegen.source import KernelSource
from xdn.codegen.target import AMX, Target
from xdn.codegen.words import WORD, WordBuilder
from xdn.element import BF16, S8, U8
from xdn.graph import Array
from xdn.kernels.contract.integer.batch_kernel import add_word, most_rows
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.machine.peak import accumulators
from xdn.kernels.machine.probe import number_within, probe


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


#: Target -> its instruction for bf16.
_BF16 = dict.fromkeys((AMX, "avx512f"), Dot("avx512bf16", "vdpbf16ps $2, $3, $0", "v"))
#: Words of channels that the tile's operands are: a power of two; vectors of two registers of 64 bytes take 4 KiB.
TILE_WORDS = 32


def dot_for(target: Target, features: frozenset[str]) -> Dot | None:
    """Return the instruction for bf16 of a processor with some features, None where it has none."""
    found = _BF16.get(target.name)
    return found if found and found.feature in features else None


def step_macs(target: Target) -> int:
    """Return the multiply-adds of one step of the loop for bf16."""
    return accumulators(target) * target.lanes * BF16.interleave


def dots(target: Target, dot: Dot) -> KernelSource:
    """Return the kernel for bf16, which needs no operands."""
    return probe("dots", target, _loop(dot), BF16)


def word_macs(target: Target) -> int:
    """Return the multiply-adds of one step of the loop for 8 bits."""
    return most_rows(target) * target.block_images * WORD


def word_operands(target: Target) -> Array:
    """Return the operands of `words`: vectors of all words of channels, then each row's weights; zeros."""
    weights = most_rows(target) * DOTS[target.dots].words
    return aligned_vectors(np.empty(0), TILE_WORDS * (target.block_images + weights))


def words(target: Target) -> KernelSource:
    """Return the kernel of the best tile's loop for 8 bits, whose operands are read around `TILE_WORDS`."""
    return probe(f"dots_{target.dots}", target, _emit_words, S8)


def _emit_words(b: VectorBuilder, values: ir.Value, steps: ir.Value, around: ir.Value) -> Sequence[ir.Value]:
    rows, vectors, images = most_rows(b.target), b.target.tile()[1], b.target.block_images
    words = WordBuilder(b.ir, b.target)
    dots = DOTS[b.target.dots](words)
    weights = b.offset(values, TILE_WORDS * images)

    def of_word(step: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        c = number_within(b, step, around)
        own = b.ir.bitcast(b.offset(values, b.ir.mul(c, b.const(images))), U8_POINTER.llvm)
        w = b.ir.bitcast(b.offset(weights, b.ir.mul(c, b.const(rows * dots.words))), I32.as_pointer())
        return add_word(words, dots, [dots.operand(words.load_words(own, v), U8) for v in range(vectors)], w, acc)

    found = b.loop(b.const(0), steps, [b.integer(0)] * (rows * vectors), of_word)
    return [b.from_bits(each) for each in found]


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
