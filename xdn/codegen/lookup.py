"""Tables of 256 bytes: each byte x becomes table[x], however a processor looks bytes up.

permute
    ``vpermi2b`` picks each byte out of two registers, 128 of the table: twice, then the byte's highest bit decides.
    x86-64 with AVX512-VBMI.
shuffle
    ``vpshufb`` picks each byte out of 16, by its last four bits, and gives 0 where its highest bit is set. With T[k]
    for the 16 results of the bytes from 16 * k on and D[k] = T[k] ^ T[k - 1], D[0] = T[0], the result of x < 128 is the
    XOR of the D[k] for all k <= x / 16, and those are the ones for which x - 16 * k is not negative; saturated, so
    that bytes from 128 on stay negative and give 0. With the highest bit flipped these follow from T[8..15] likewise.
    AVX2, AVX512-BW.
plain
    One byte after the other, on any processor.
"""

from abc import ABC, abstractmethod

import numpy as np
from llvmlite import ir

from xdn.codegen.arithmetic import I32, external
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.target import PERMUTE, PLAIN, SHUFFLE

#: Results of a table, and those that a shuffle picks one out of.
RESULTS, _PICKED = 256, 16


class Lookup(ABC):
    """Emit lookups at the position of a builder; the table is loaded once.

    Parameters
    ----------
    b : VectorBuilder
    table : pointer to bytes
        As `packed` gives them, aligned to vectors.
    """

    def __init__(self, b: VectorBuilder, table: ir.Value):
        self._b, self._table = b, table
        self._bytes = ir.VectorType(ir.IntType(8), b.target.vector_bytes)

    @staticmethod
    def packed(table: np.ndarray, vector_bytes: int) -> np.ndarray:
        """Return a table (256,) u8 as it is stored for vectors of some length."""
        return table

    def vector(self, x: ir.Value, y: ir.Value) -> None:
        """Look a vector of bytes up at `x` and store it at `y`, both aligned."""
        place = self._b.ir.bitcast(y, self._bytes.as_pointer())
        self._b.ir.store(self._found(self._load(x)), place).align = self._b.target.vector_bytes

    @abstractmethod
    def _found(self, x: ir.Value) -> ir.Value:
        """Return the results of a vector of bytes."""

    def _load(self, pointer: ir.Value, vector: int = 0) -> ir.Value:
        place = self._b.offset(pointer, vector * self._bytes.count)
        value = self._b.ir.load(self._b.ir.bitcast(place, self._bytes.as_pointer()))
        value.align = self._b.target.vector_bytes
        return value

    def _every(self, byte: int) -> ir.Value:
        return ir.Constant(self._bytes, [byte] * self._bytes.count)

    def _call(self, name: str, *operands: ir.Value) -> ir.Value:
        kind = ir.FunctionType(self._bytes, [self._bytes] * len(operands))
        return self._b.ir.call(external(self._b.ir, name, kind), operands)


class Permute(Lookup):
    """``vpermi2b``, in vectors of 64 bytes."""

    def __init__(self, b: VectorBuilder, table: ir.Value):
        super().__init__(b, table)
        self._parts = [self._load(table, part) for part in range(RESULTS // self._bytes.count)]

    def _found(self, x: ir.Value) -> ir.Value:
        name = f"llvm.x86.avx512.vpermi2var.qi.{8 * self._bytes.count}"
        low, high = (self._call(name, one, x, other) for one, other in zip(*[iter(self._parts)] * 2, strict=True))
        return self._b.ir.select(self._b.ir.icmp_signed("<", x, self._every(0)), high, low)


class Shuffle(Lookup):
    """``vpshufb``."""

    @staticmethod
    def packed(table: np.ndarray, vector_bytes: int) -> np.ndarray:
        """Return (16, vector): of each sixteenth of the table how it differs from the one before, again and again."""
        parts = table.reshape(2, -1, _PICKED)
        differences = parts.copy()
        differences[:, 1:] ^= parts[:, :-1]
        return np.tile(differences.reshape(-1, _PICKED), vector_bytes // _PICKED)

    def _found(self, x: ir.Value) -> ir.Value:
        emit, count = self._b.ir, self._bytes.count
        shuffle = "llvm.x86.avx512.pshuf.b.512" if count == 64 else "llvm.x86.avx2.pshuf.b"
        found = self._every(0)
        for half, at in enumerate((x, emit.xor(x, self._every(-128)))):
            for part in range(8):
                picked = self._call(shuffle, self._load(self._table, 8 * half + part), at)
                found = emit.xor(found, picked)
                at = self._call(f"llvm.ssub.sat.v{count}i8", at, self._every(_PICKED))
        return found


class Plain(Lookup):
    """Byte by byte."""

    def _found(self, x: ir.Value) -> ir.Value:
        emit, found = self._b.ir, ir.Constant(self._bytes, ir.Undefined)
        for number in range(self._bytes.count):
            lane = ir.Constant(I32, number)
            at = emit.zext(emit.extract_element(x, lane), ir.IntType(64))
            found = emit.insert_element(found, self._b.scalar(self._table, at), lane)
        return found


#: By the name of a target's way.
LOOKUPS: dict[str, type[Lookup]] = {PERMUTE: Permute, SHUFFLE: Shuffle, PLAIN: Plain}
