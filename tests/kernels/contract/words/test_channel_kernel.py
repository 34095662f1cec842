"""The machine code of the channel schedule's contractions of words: products alone in the loop."""

import re
from dataclasses import replace

from tests.kernels.contract.words.loops import PAIRS, WIDE, inner_loops, needs
from xdn.codegen.target import NATIVE, VNNI
from xdn.element import BF16, U8
from xdn.kernels.contract.words.channel_kernel import contraction
from xdn.kernels.contract.words.form import Form


@needs(VNNI)
def test_vectors_of_filters_stay_in_registers():
    for tile in ((6, 4), (1, 8), (12, 2)):
        for loop in inner_loops(contraction(tile, Form(U8, U8, VNNI), WIDE)):
            assert len(re.findall(r"\tvpdpbusd\t", loop)) % (tile[0] * tile[1]) == 0
            assert not re.search(r"zmm\d+, -?\d*\(%r[sb]p\)", loop)


@needs(NATIVE)
def test_sums_of_bf16_stay_in_registers():
    for tile in ((6, 4), (1, 8), (12, 2)):
        source = contraction(tile, Form(BF16, BF16, NATIVE), replace(WIDE, pairs=NATIVE))
        for loop in inner_loops(source, PAIRS):
            assert len(re.findall(rf"\t{PAIRS}\t", loop)) % (tile[0] * tile[1]) == 0
            assert not re.search(r"zmm\d+, -?\d*\(%r[sb]p\)", loop)
