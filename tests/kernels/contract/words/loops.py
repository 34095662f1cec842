"""The loops that multiply 8-bit numbers, or bf16, in the assembly of kernels."""

import re

import pytest

from xdn.codegen.compiler import assembly
from xdn.codegen.target import NATIVE, cpu_features, pair_ways_of, target_named, ways_of

WIDE = target_named("avx512f")
#: What multiplies bf16.
PAIRS = "vdpbf16ps"
#: What multiplies 8-bit numbers; with AVX512-VNNI LLVM makes one instruction of vpmaddwd and the addition.
PRODUCTS = "vpdpbusd|vpmaddwd|vpdpwssd"


def inner_loops(source, products=PRODUCTS):
    """Return the instructions of the loops over words of channels: those that multiply."""
    labelled = re.split(r"\n(\.LBB\d+_\d+):", assembly(source))
    loops = [
        block
        for label, block in zip(labelled[1::2], labelled[2::2], strict=True)
        if re.search(rf"\tj\w+\t{re.escape(label)}\n", block) and re.search(products, block)
    ]
    assert loops
    return loops


def needs(way):
    """Return the mark of a test of a way to multiply that the processor may not have."""
    ways = pair_ways_of(WIDE, cpu_features()) if way == NATIVE else ways_of(WIDE, cpu_features())
    return pytest.mark.skipif(way not in ways, reason="the processor has no such instruction")
