"""The machine code of the batch schedule's contractions of words: products alone in the loop, sums in registers."""

import re
from dataclasses import replace

import pytest

from tests.kernels.contract.words.loops import PAIRS, PRODUCTS, WIDE, inner_loops, needs
from xdn.codegen.target import EMULATED, MADD, NATIVE, VNNI, target_named
from xdn.element import BF16, S8, U8
from xdn.kernels.contract.words.batch_kernel import contraction, most_rows
from xdn.kernels.contract.words.form import Form


@needs(VNNI)
@pytest.mark.parametrize("form", [Form(U8, U8, VNNI), Form(S8, S8, VNNI, residual=U8, activation="prelu")], ids=repr)
def test_sums_stay_in_registers(form):
    for loop in inner_loops(contraction(12, form, WIDE)):
        products = len(re.findall(r"\tvpdpbusd\t", loop))
        assert products % 24 == 0
        # Each step flips the signs of two vectors, where they have some.
        assert len(re.findall(r"\tvpxor", loop)) == (products // 12 if form.x == S8 else 0)
        assert not re.search(r"%r[sb]p\)", loop)
        assert not re.search(r"\tvpadd", loop)


@needs(MADD)
def test_without_dot_products_pairs_are_multiplied():
    way = replace(WIDE, dots=MADD)
    for loop in inner_loops(contraction(12, Form(U8, U8, MADD), way)):
        assert len(re.findall(PRODUCTS, loop)) % 48 == 0
        assert not re.search(r"zmm\d+, -?\d*\(%r[sb]p\)", loop)


@needs(NATIVE)
@pytest.mark.parametrize(
    "form", [Form(BF16, BF16, NATIVE), Form(BF16, BF16, NATIVE, BF16, activation="relu")], ids=repr
)
def test_pairs_of_bf16_are_summed_in_registers(form):
    own = replace(WIDE, pairs=NATIVE)
    rows = most_rows(own, BF16)
    assert rows == own.tile()[0]
    for loop in inner_loops(contraction(rows, form, own), PAIRS):
        assert len(re.findall(rf"\t{PAIRS}\t", loop)) % (2 * rows) == 0
        # A weight is loaded into all lanes once for both vectors, which are loaded once.
        assert len(re.findall(r"\tv(broadcastss|movaps|movups)\t", loop)) % (rows + 2) == 0
        assert not re.search(r"%r[sb]p\)", loop)


def test_tiles_are_as_large_as_registers_hold_operands():
    sizes = {}
    for name in ("avx512f", "avx2"):
        for way in (NATIVE, EMULATED):
            sizes[name, way] = most_rows(replace(target_named(name), pairs=way), BF16)
    assert sizes == {("avx512f", NATIVE): 14, ("avx512f", EMULATED): 12, ("avx2", NATIVE): 6, ("avx2", EMULATED): 4}
