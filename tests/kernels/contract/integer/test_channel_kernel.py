"""The machine code of the channel schedule's contractions of integers: products alone in the loop."""

import re

from tests.kernels.contract.integer.loops import WIDE, inner_loops, needs
from xdn.codegen.target import VNNI
from xdn.element import U8
from xdn.kernels.contract.integer.channel_kernel import contraction
from xdn.kernels.contract.integer.form import Form


@needs(VNNI)
def test_vectors_of_filters_stay_in_registers():
    for tile in ((6, 4), (1, 8), (12, 2)):
        for loop in inner_loops(contraction(tile, Form(U8, U8, VNNI), WIDE)):
            assert len(re.findall(r"\tvpdpbusd\t", loop)) % (tile[0] * tile[1]) == 0
            assert not re.search(r"zmm\d+, -?\d*\(%r[sb]p\)", loop)
