"""The machine code of contractions of integers: dot products alone in the inner loop, sums in registers."""

import re
from dataclasses import replace

import pytest

from xdn.codegen.compiler import assembly
from xdn.codegen.target import MADD, VNNI, cpu_features, target_named, ways_of
from xdn.element import S8, U8
from xdn.kernels.contract.integer import batch_kernel, channel_kernel
from xdn.kernels.contract.integer.form import Form

TARGET = target_named("avx512f")
#: What multiplies 8-bit numbers; with AVX512-VNNI LLVM makes one instruction of vpmaddwd and the addition.
PRODUCTS = "vpdpbusd|vpmaddwd|vpdpwssd"


def _inner_loop(source):
    """Return the instructions of the loop over words of channels: the only one that multiplies 8-bit numbers."""
    labelled = re.split(r"\n(\.LBB\d+_\d+):", assembly(source))
    loops = [
        block
        for label, block in zip(labelled[1::2], labelled[2::2], strict=True)
        if re.search(rf"\tj\w+\t{re.escape(label)}\n", block) and re.search(PRODUCTS, block)
    ]
    assert loops
    return loops


def _needs(way):
    return pytest.mark.skipif(
        way not in ways_of(TARGET, cpu_features()), reason="the processor has no such instruction"
    )


@_needs(VNNI)
@pytest.mark.parametrize("form", [Form(U8, U8, VNNI), Form(S8, S8, VNNI, residual=U8, activation="prelu")], ids=repr)
def test_sums_stay_in_registers(form):
    for loop in _inner_loop(batch_kernel.contraction(12, form, TARGET)):
        products = len(re.findall(r"\tvpdpbusd\t", loop))
        assert products % 24 == 0
        # Each step flips the signs of two vectors, where they have some.
        assert len(re.findall(r"\tvpxor", loop)) == (products // 12 if form.x == S8 else 0)
        assert not re.search(r"%r[sb]p\)", loop)
        assert not re.search(r"\tvpadd", loop)


@_needs(VNNI)
def test_vectors_of_filters_stay_in_registers():
    for tile in ((6, 4), (1, 8), (12, 2)):
        for loop in _inner_loop(channel_kernel.contraction(tile, Form(U8, U8, VNNI), TARGET)):
            assert len(re.findall(r"\tvpdpbusd\t", loop)) % (tile[0] * tile[1]) == 0
            assert not re.search(r"zmm\d+, -?\d*\(%r[sb]p\)", loop)


@_needs(MADD)
def test_without_dot_products_pairs_are_multiplied():
    way = replace(TARGET, dots=MADD)
    for loop in _inner_loop(batch_kernel.contraction(12, Form(U8, U8, MADD), way)):
        assert len(re.findall(PRODUCTS, loop)) % 48 == 0
        assert not re.search(r"zmm\d+, -?\d*\(%r[sb]p\)", loop)
