"""What the processor's dot products can reach at most, which multiply two or four numbers in each lane.

It is the loop of the best register tile, however the target multiplies (`xdn/codegen/dots.py`), operands in the first
cache: what kernels can reach.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from llvmlite import ir

from xdn.codegen.arithmetic import I32
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.dots import DOTS
from xdn.codegen.jit import Kind
from xdn.codegen.source import KernelSource
from xdn.codegen.target import Target
from xdn.codegen.words import WordBuilder
from xdn.element import BF16, Element
from xdn.graph import Array
from xdn.kernels.contract.words.batch_kernel import add_word, most_rows
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.machine.probe import number_within, probe

#: Words of channels that the tile's operands are: a power of two; vectors of two registers of 64 bytes take 4 KiB.
TILE_WORDS = 32


def word_macs(target: Target, x: Element) -> int:
    """Return the multiply-adds of one step of the loop for numbers of an element."""
    return most_rows(target, x) * target.block_images * x.interleave


def word_operands(target: Target, x: Element) -> Array:
    """Return the operands of `words`: vectors of all words of channels, then each row's weights; zeros."""
    weights = most_rows(target, x) * DOTS[target.way(x)].words
    return aligned_vectors(np.empty(0), TILE_WORDS * (target.block_images + weights))


def words(target: Target, x: Element) -> KernelSource:
    """Return the kernel of the best tile's loop, whose operands are read around `TILE_WORDS`."""
    return probe(f"dots_{target.way(x)}", target, partial(_emit_words, x), x)


def _emit_words(
    x: Element, b: VectorBuilder, values: ir.Value, steps: ir.Value, around: ir.Value
) -> Sequence[ir.Value]:
    rows, vectors, images = most_rows(b.target, x), b.target.tile()[1], b.target.block_images
    words = WordBuilder(b.ir, b.target)
    dots = DOTS[b.target.way(x)](words)
    weights = b.offset(values, TILE_WORDS * images)

    def of_word(step: ir.Value, acc: list[ir.Value]) -> list[ir.Value]:
        c = number_within(b, step, around)
        own = b.ir.bitcast(b.offset(values, b.ir.mul(c, b.const(images))), Kind(x, "pointer").llvm)
        w = b.ir.bitcast(b.offset(weights, b.ir.mul(c, b.const(rows * dots.words))), I32.as_pointer())
        return add_word(words, dots, [dots.operand(words.load_words(own, v), x) for v in range(vectors)], w, acc)

    start = b.number(0) if x == BF16 else b.integer(0)
    found = b.loop(b.const(0), steps, [start] * (rows * vectors), of_word)
    return found if x == BF16 else [b.from_bits(each) for each in found]
