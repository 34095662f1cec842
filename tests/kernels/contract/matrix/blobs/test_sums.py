"""Sums of each source of integers, and of both of bf16: how often registers are emptied and stored."""

import re

import pytest
from llvmlite import ir

from xdn.codegen.jit import I64, WORDS, Kind
from xdn.codegen.target import AMX, target_named
from xdn.codegen.words import WordBuilder
from xdn.element import BF16, REAL, S8, S32, U8
from xdn.kernels.contract.matrix.blobs.sums import begun, sums_of_sources, tiled
from xdn.kernels.contract.matrix.kernel import Multiplication, Operands, Side
from xdn.kernels.contract.words.form import Form

TARGET = target_named(AMX)


def _builder(*kinds):
    made = ir.Function(ir.Module("sums"), ir.FunctionType(ir.VoidType(), [kind.llvm for kind in kinds]), "sums")
    return WordBuilder(ir.IRBuilder(made.append_basic_block("entry")), TARGET), made.args


@pytest.mark.parametrize(
    ("form", "sums", "instructions"),
    [
        (Form(U8, REAL, "", second=S8), 2, ["tdpbsud", "tdpbssd"]),
        (Form(BF16, REAL, "", second=BF16), 1, ["tdpbf16ps", "tdpbf16ps"]),
    ],
)
def test_integers_have_sums_of_each_source(form, sums, instructions):
    b, (x, weights, steps, count) = _builder(Kind(form.x, "pointer"), Kind(S32, "pointer"), WORDS, I64)
    sides = [Side(pointer, b.const(256), 0, b.const(64), word) for word, pointer in ((1, weights), (0, x))]
    operands = [Operands((sides[0], sides[1]), steps, count)] * 2
    found = sums_of_sources(b, operands, form, lambda e: Multiplication(1, 1, elements=(form.weights, e)))
    assert len(found) == sums
    text = str(b.ir.module)
    assert len(re.findall("tilezero", text)) == len(re.findall("tilestored", text)) == sums
    assert re.findall(r'"(tdp\w+)', text) == instructions


def test_what_sums_begin_with_is_added_in_their_kind():
    b, _ = _builder()
    loaded, integer = b.number(1.5), b.integer(3)
    assert begun(b, [loaded], [loaded], Form(BF16, REAL, ""))[0].type == b.kind
    assert begun(b, [loaded], [integer], Form(S8, REAL, ""))[0].type == integer.type
    assert begun(b, [loaded], [loaded], Form(S8, REAL, ""))[0].type == integer.type


def test_the_form_names_the_words_of_a_step():
    assert tiled(Form(U8, U8, "vnni"), 5).dots == "words5"
