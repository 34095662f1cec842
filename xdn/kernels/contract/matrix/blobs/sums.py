"""What the kernels of both schedules are alike in: sums of each source, or of both, and what these begin with."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from llvmlite import ir

from xdn.codegen.words import WordBuilder
from xdn.element import Element
from xdn.kernels.contract.matrix.kernel import Multiplication, Operands, emit_sums
from xdn.kernels.contract.words.form import Form


def tiled(form: Form, depth: int) -> Form:
    """Return the form of a kernel that multiplies tiles, whose name says how many words a step has."""
    return replace(form, dots=f"words{depth}")


def sums_of_sources(
    b: WordBuilder, operands: Sequence[Operands], form: Form, how: Callable[[Element], Multiplication]
) -> list[ir.Value]:
    """Emit the sums of a tile; return pointers to them, as `emit_sums` gives them.

    Integers have sums of each source. Those of bf16 go on over the second one.

    Parameters
    ----------
    b : WordBuilder
    operands : sequence of Operands
        Of each source.
    form : Form
    how : callable
        Element of a source -> how registers are multiplied.
    """
    if not form.scaled:
        return [emit_sums(b, operands, how(form.x))]
    return [emit_sums(b, [own], how(x)) for own, x in zip(operands, form.read, strict=True)]


def begun(b: WordBuilder, sums: Sequence[ir.Value], begin: Sequence[ir.Value], form: Form) -> list[ir.Value]:
    """Return sums, which are loaded as f32, and what they begin with."""
    if not form.scaled:
        return [*map(b.add, sums, begin)]
    integers = [each if each.type == b.integer(0).type else b.bits(each) for each in begin]
    return [b.ir.add(b.bits(each), bias) for each, bias in zip(sums, integers, strict=True)]
