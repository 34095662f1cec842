"""The instructions of the real unit, as they are emitted: their order, and that no load is made in vain."""

import re

import pytest
from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.codegen.jit import I64 as NUMBER
from xdn.codegen.jit import VOID, WORDS, Kind
from xdn.codegen.target import AMX, target_named
from xdn.element import BF16
from xdn.kernels.contract.matrix.batch_kernel import batch_matrix
from xdn.kernels.contract.matrix.channel_kernel import channel_matrix
from xdn.kernels.contract.matrix.kernel import Contracting, Multiplication, Operands, Side, emit_sums, products_of
from xdn.kernels.contract.matrix.parts import PRODUCTS
from xdn.kernels.core.choice import BF16X3, TILED

TARGET = target_named(AMX)


def _instructions(name):
    """Return what the sums of a kernel's tile are: (operation, registers), block by block."""
    module = ir.Module("tile")
    kinds = [Kind(BF16, "pointer").llvm, Kind(BF16, "pointer").llvm, WORDS.llvm, NUMBER.llvm]
    made = ir.Function(module, ir.FunctionType(VOID.llvm, kinds), "tile")
    b = VectorBuilder(ir.IRBuilder(made.append_basic_block("entry")), TARGET)
    x, weights, steps, count = made.args
    sides = tuple(Side(pointer, b.const(512), 1024, b.const(64), word) for word, pointer in ((0, x), (1, weights)))
    emit_sums(b, [Operands(sides, steps, count)], Multiplication.of(name))
    b.ir.ret_void()
    texts = [re.findall(r'asm sideeffect "(\w+)([^"]*)"', str(block)) for block in made.blocks]
    return [[(op, [int(n) for n in re.findall(r"tmm(\d)", rest)]) for op, rest in text] for text in texts if text]


def test_the_order_of_loads_and_multiplications():
    """One product of x3 that loads all operands for the next: each right after its last use, none right before one."""
    zeros, first, stores, loop = _instructions(batch_matrix(Contracting(BF16X3), 2, (), TARGET).name)
    assert zeros == [("tilezero", [n]) for n in range(4)]
    assert sorted(n for _, (n,) in first) == [4, 5, 6, 7]
    assert loop[:8] == [
        ("tdpbf16ps", [5, 4, 0]),
        ("tdpbf16ps", [6, 4, 1]),
        ("tileloadd", [4]),
        ("tdpbf16ps", [5, 7, 2]),
        ("tileloadd", [5]),
        ("tdpbf16ps", [6, 7, 3]),
        ("tileloadd", [6]),
        ("tileloadd", [7]),
    ]
    assert stores == [("tilestored", [n]) for n in range(4)]


@pytest.mark.parametrize("tile", [(1, 1), (1, 2), (2, 1), (2, 2)])
@pytest.mark.parametrize("algorithm", TILED)
def test_every_product_once_with_the_fewest_loads(algorithm, tile):
    name = channel_matrix(Contracting(algorithm), tile, (), TARGET).name
    assert products_of(name) == list(PRODUCTS[algorithm])
    _, first, _, loop = _instructions(name)
    rows, columns = tile
    assert len(first) == rows + columns
    operations = [op for op, _ in loop]
    assert operations.count("tdpbf16ps") == rows * columns * len(PRODUCTS[algorithm])
    # A part that the next product has, too, is not loaded again.
    pairs = zip(PRODUCTS[algorithm], PRODUCTS[algorithm][1:], strict=False)
    kept = [[one == other for one, other in zip(*pair, strict=True)] for pair in pairs]
    saved = sum(rows * x + columns * w for x, w in kept)
    assert operations.count("tileloadd") == len(PRODUCTS[algorithm]) * (rows + columns) - saved
    # A register is loaded after it was used, and used after it was loaded.
    fresh = {n for _, (n,) in first}
    for op, registers in loop:
        if op == "tileloadd":
            assert registers[0] not in fresh
            fresh.add(registers[0])
        else:
            fresh -= set(registers[:2])
    assert fresh == {n for _, (n,) in first}
