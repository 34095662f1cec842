"""The machine code of the batch schedule's contractions of integers: products alone in the loop, sums in registers."""

import re
from dataclasses import replace

import pytest

from tests.kernels.contract.integer.loops import PRODUCTS, WIDE, inner_loops, needs
from xdn.codegen.target import MADD, VNNI
from xdn.element import S8, U8
from xdn.kernels.contract.integer.batch_kernel import contraction
from xdn.kernels.contract.integer.form import Form


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
