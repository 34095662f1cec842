"""The tile unit of a processor: eight registers of 16 rows of 64 bytes, and multiplications of bf16 and 8-bit numbers.

Kernels are written once over `Tiles`. `AmxTiles` emits the instructions of Intel's AMX. `EmulatedTiles` does the same
in memory with vectors, on any processor and to the same bits (but for which NaN a NaN is), so that what is computed
with tiles can be tested everywhere.

What is computed is said by Intel's manual (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2,
TDPBF16PS, "Operation"). For a row m of c, of 16 f32 numbers n, with pairs of bf16 numbers in the rows of a and b::

    even[n] = odd[n] = 0
    for k in 0..15:
        even[n] += a[m][2 k]     * b[k][2 n]               fused multiply-add
        odd[n]  += a[m][2 k + 1] * b[k][2 n + 1]
    c[m][n] += even[n] + odd[n]

All is rounded to the nearest, of two equally near ones to the even; denormal numbers are zeros, read and written,
whatever the thread's control register says. The driver sets that register to the same on x86-64
(`xdn/kernels/core/driver.py`), for which the emulation relies on it.

Of 8-bit integers (TDPBUUD, TDPBUSD, TDPBSUD, TDPBSSD) a word of a row holds four, and c s32, whose bits beyond 32 are
lost::

    for k in 0..15: for i in 0..3:
        c[m][n] += a[m][4 k + i] * b[k][4 n + i]

A sum may have fewer than 16 words, its `depth`: so many words of a, and rows of b, are there, and no others are read.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from llvmlite import ir

from xdn.codegen.arithmetic import I32
from xdn.codegen.builder import I64, VectorBuilder
from xdn.codegen.intrinsics import at_entry
from xdn.codegen.target import AMX
from xdn.codegen.words import WORD, WordBuilder
from xdn.element import BF16, S8, U8, Element

#: Of a register: rows, bytes of a row, numbers of 32 bits in a row, and numbers of bf16.
ROWS, ROW_BYTES, WORDS, NUMBERS = 16, 64, 16, 32
#: Registers of the unit; those of them that hold a's rows, and b's, of which there may be fewer words.
REGISTERS = 8
OF_ROWS, OF_COLUMNS = (4, 7), (5, 6)
#: Elements of a and b -> what multiplies them.
INSTRUCTIONS = {
    (BF16, BF16): "tdpbf16ps",
    (U8, U8): "tdpbuud",
    (U8, S8): "tdpbusd",
    (S8, U8): "tdpbsud",
    (S8, S8): "tdpbssd",
}
#: Elements of a and b of parts of f32 numbers.
PARTS = (BF16, BF16)

_NONE = ir.VoidType()


class Tiles(ABC):
    """Emit operations on tile registers at the position of a builder whose vectors are a row of a register.

    Registers are named by numbers from 0 to 7. Pointers are to the first row, of any type; `stride` is the bytes from
    one row to the next.

    Parameters
    ----------
    b : VectorBuilder
    depth : int
        Words of each sum, as `configure` was told.
    """

    def __init__(self, b: VectorBuilder, depth: int = WORDS):
        assert b.target.vector_bytes == ROW_BYTES
        self._b, self._depth = b, depth

    @abstractmethod
    def zero(self, register: int) -> None:
        """Make all numbers of a register zero."""

    @abstractmethod
    def load(self, register: int, pointer: ir.Value, stride: ir.Value) -> None:
        """Load the rows of a register."""

    @abstractmethod
    def store(self, register: int, pointer: ir.Value, stride: ir.Value) -> None:
        """Store the rows of a register."""

    @abstractmethod
    def multiply(self, c: int, a: int, b: int, elements: tuple[Element, Element] = PARTS) -> None:
        """Add to each of c's numbers the products of a row of a and a column of b, which have these elements."""


def tiles_of(b: VectorBuilder, depth: int = WORDS) -> Tiles:
    """Return the tile unit of a builder's target, which has one."""
    return AmxTiles(b, depth) if b.target.tiles == AMX else EmulatedTiles(b, depth)


class AmxTiles(Tiles):
    """Intel's AMX, whose registers LLVM does not use for anything else."""

    def zero(self, register: int) -> None:
        """Make all numbers of a register zero."""
        self._emit(f"tilezero %tmm{register}")

    def load(self, register: int, pointer: ir.Value, stride: ir.Value) -> None:
        """Load the rows of a register."""
        self._emit(f"tileloadd ($0,$1,1), %tmm{register}", pointer, stride)

    def store(self, register: int, pointer: ir.Value, stride: ir.Value) -> None:
        """Store the rows of a register."""
        self._emit(f"tilestored %tmm{register}, ($0,$1,1)", pointer, stride)

    def multiply(self, c: int, a: int, b: int, elements: tuple[Element, Element] = PARTS) -> None:
        """Add to each of c's numbers the products of a row of a and a column of b."""
        self._emit(f"{INSTRUCTIONS[elements]} %tmm{b}, %tmm{a}, %tmm{c}")

    def _emit(self, text: str, *operands: ir.Value) -> None:
        _assembly(self._b.ir, text, *operands)


class EmulatedTiles(Tiles):
    """The registers in memory of the function that is emitted, from whose entry to its end they last."""

    def __init__(self, b: VectorBuilder, depth: int = WORDS):
        super().__init__(b, depth)
        self._row = ir.VectorType(I32, WORDS)
        registers = at_entry(b.ir, ir.ArrayType(ir.ArrayType(self._row, ROWS), REGISTERS))
        registers.align = ROW_BYTES
        self._registers = b.ir.bitcast(registers, self._row.as_pointer())

    def zero(self, register: int) -> None:
        """Make all numbers of a register zero."""
        for row in range(ROWS):
            self._b.ir.store(ir.Constant(self._row, [0] * WORDS), self._at(register, row), align=ROW_BYTES)

    def load(self, register: int, pointer: ir.Value, stride: ir.Value) -> None:
        """Load the rows of a register."""
        kind = ir.VectorType(I32, self._depth if register in OF_ROWS else WORDS).as_pointer()
        count = self._depth if register in OF_COLUMNS else ROWS
        for row, place in enumerate(self._rows(pointer, stride)[:count]):
            value = self._b.ir.load(self._b.ir.bitcast(place, kind), align=I32.width // 8)
            self._b.ir.store(value, self._b.ir.bitcast(self._at(register, row), kind), align=ROW_BYTES)

    def store(self, register: int, pointer: ir.Value, stride: ir.Value) -> None:
        """Store the rows of a register."""
        for row, place in enumerate(self._rows(pointer, stride)):
            value = self._b.ir.load(self._at(register, row), align=ROW_BYTES)
            self._b.ir.store(value, place, align=I32.width // 8)

    def multiply(self, c: int, a: int, b: int, elements: tuple[Element, Element] = PARTS) -> None:
        """Add to each of c's numbers the products of a row of a and a column of b."""
        function = _multiplication(self._b, elements, self._depth)
        self._b.ir.call(function, [self._at(register, 0) for register in (c, a, b)])

    def _at(self, register: int, row: int) -> ir.Value:
        return self._b.offset(self._registers, register * ROWS + row)

    def _rows(self, pointer: ir.Value, stride: ir.Value) -> Sequence[ir.Value]:
        """Return pointers to the rows of a tile in memory."""
        first = self._b.ir.ptrtoint(pointer, I64)
        rows = [self._b.ir.add(first, self._b.ir.mul(stride, self._b.const(row))) for row in range(ROWS)]
        return [self._b.ir.inttoptr(row, self._row.as_pointer()) for row in rows]


def _multiplication(b: VectorBuilder, elements: tuple[Element, Element], depth: int) -> ir.Function:
    """Return the module's function (c, a, b: pointers to rows of registers) -> None that multiplies."""
    module, name = b.ir.module, f"xdn_{INSTRUCTIONS[elements]}_{depth}"
    known: ir.Function | None = module.globals.get(name)
    if known is not None:
        return known
    row = ir.VectorType(I32, WORDS)
    made = ir.Function(module, ir.FunctionType(_NONE, [row.as_pointer()] * 3), name)
    made.linkage = "internal"
    made.attributes.add("noinline")
    inside = WordBuilder(ir.IRBuilder(made.append_basic_block("entry")), b.target)
    emit = _emit_row if elements == PARTS else _integer_row(*elements)
    inside.loop(inside.const(0), inside.const(ROWS), [], lambda m, _: emit(inside, made.args, m, inside.const(depth)))
    inside.ir.ret_void()
    return made


def _emit_row(b: WordBuilder, registers: Sequence[ir.Value], m: ir.Value, depth: ir.Value) -> list[ir.Value]:
    """Emit what is added to row `m` of the first register, of products of bf16 numbers."""
    c, a, other = registers
    scalars = b.ir.bitcast(b.offset(a, m), I32.as_pointer())

    def one_pair(k: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
        scalar = b.broadcast(b.ir.bitcast(b.scalar(scalars, k), ir.FloatType()))
        pairs = zip(_halves(b, scalar), _halves(b, b.from_bits(b.scalar(other, k))), sums, strict=True)
        return [b.fused(one, two, total) for one, two, total in pairs]

    even, odd = b.loop(b.const(0), depth, [b.number(0)] * 2, one_pair)
    row = b.ir.bitcast(b.offset(c, m), b.kind.as_pointer())
    b.store(b.add(b.load(row), b.add(even, odd)), row)
    return []


def _integer_row(*elements: Element) -> Callable[[WordBuilder, Sequence[ir.Value], ir.Value, ir.Value], list[ir.Value]]:
    """Return what emits the same for integers of two elements."""

    def emit(b: WordBuilder, registers: Sequence[ir.Value], m: ir.Value, depth: ir.Value) -> list[ir.Value]:
        c, a, other = registers
        scalars, row = b.ir.bitcast(b.offset(a, m), I32.as_pointer()), b.offset(c, m)

        def one_word(k: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
            (total,), words = sums, (b.broadcast(b.scalar(scalars, k)), b.scalar(other, k))
            for number in range(WORD):
                own = [b.part(each, number, element) for each, element in zip(words, elements, strict=True)]
                total = b.ir.add(total, b.ir.mul(*own))
            return [total]

        (total,) = b.loop(b.const(0), depth, [b.scalar(row)], one_word)
        b.ir.store(total, row, align=ROW_BYTES)
        return []

    return emit


def _halves(b: VectorBuilder, pairs: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Return the first and the second bf16 number of each pair, as f32."""
    bits = b.bits(pairs)
    return b.from_bits(b.ir.shl(bits, b.integer(16))), b.from_bits(b.ir.and_(bits, b.integer(0xFFFF0000)))


def configure(b: VectorBuilder, depth: int = WORDS) -> None:
    """Emit what a thread must do before it uses tiles: say how many rows and bytes the registers have.

    They have all, but for those of operands, which hold `depth` words of each sum.
    """
    if b.target.tiles != AMX:
        return
    row_bytes = [depth * I32.width // 8 if register in OF_ROWS else ROW_BYTES for register in range(REGISTERS)]
    rows = [depth if register in OF_COLUMNS else ROWS for register in range(REGISTERS)]
    # Palette 1; then, from byte 16 on, two bytes a register: bytes of a row; from byte 48 on one byte a register: rows.
    told = [1, *[0] * 15, *(byte for each in row_bytes for byte in (each, 0)), *[0] * 16, *rows, *[0] * 8]
    kind = ir.VectorType(ir.IntType(8), len(told))
    place = at_entry(b.ir, kind)
    b.ir.store(ir.Constant(kind, told), place)
    _assembly(b.ir, "ldtilecfg ($0)", place)


def release(b: VectorBuilder) -> None:
    """Emit what a thread should do after it has used tiles, so that its registers need not be kept any longer."""
    if b.target.tiles == AMX:
        _assembly(b.ir, "tilerelease")


def _assembly(builder: ir.IRBuilder, text: str, *operands: ir.Value) -> None:
    """Emit instructions as the processor spells them, which read registers and whatever memory."""
    constraints = ",".join(["r"] * len(operands) + ["~{memory}"])
    builder.asm(ir.FunctionType(_NONE, [each.type for each in operands]), text, constraints, operands, side_effect=True)
