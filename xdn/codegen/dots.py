"""Sums of products of numbers that lie together in 32 bits, however the processor multiplies: to the same bits.

Of 8 bits each lane of s32 adds four products, exactly. x is u8 or s8, four channels in 32 bits; w is s8. The ways
differ in what they do to x in a register, and in how the four weights are stored:

vnni
    ``vpdpbusd`` multiplies u8 by s8: of s8 the sign bit is flipped, which adds 128 to x. x86-64 with AVX512-VNNI or
    AVX-VNNI.
madd
    ``vpmaddwd`` multiplies pairs of s16 and adds them: channels 0 and 2 of x are widened in one register, 1 and 3 in
    another one, and weights are stored as s16 in that order. AVX2.
twos
    ``vpmaddubsw`` multiplies u8 by s8 and adds pairs of products in s16; two words' are added there before they are
    widened. It saturates, so that weights must be small together: `xdn/kernels/contract/words/twos.py` makes them so.
sdot
    ``sdot`` multiplies s8 by s8: of u8 128 is subtracted. Armv8.2; nobody has run it yet.
plain
    Bytes are extended, multiplied and added: LLVM's own operations, on any processor.

What was added to x has to be taken off the sum: `Dots.added`.

Of bf16 each lane of f32 adds two products, the second one first, each as a fused multiply-add::

    acc = fma(x[1], w[1], acc)
    acc = fma(x[0], w[0], acc)

to the nearest, of two equally near ones to the even; denormal numbers are zeros, read and written:

native
    ``vdpbf16ps``, of which a Zen 4 was seen to do just that, whatever the thread's control register says. x86-64 with
    AVX512-BF16. (``bfdot`` of NEON rounds otherwise.)
emulated
    Two multiply-adds of f32, on any processor; both weights are stored as f32. The driver makes denormal numbers zeros
    on x86-64 (`xdn/kernels/core/driver.py`); others keep those that are sums.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import reduce
from typing import ClassVar

import numpy as np
from llvmlite import ir

from xdn.codegen.arithmetic import I32, external
from xdn.codegen.target import EMULATED, MADD, NATIVE, PLAIN, SDOT, TWOS, VNNI
from xdn.codegen.words import WORD, WordBuilder
from xdn.element import S8, U8, Element

#: The sign bit of each byte of an i32.
_SIGNS = 0x80808080 - 2**32


class Dots(ABC):
    """Emit products at the position of a builder; values are vectors of 32 bits.

    Numbers that lie together are called a word.
    """

    #: 32-bit words in which a word's weights are stored.
    words: ClassVar[int] = 1

    def __init__(self, b: WordBuilder):
        self._b = b
        self._kind = ir.VectorType(I32, b.target.lanes)

    @staticmethod
    def added(element: Element) -> int:
        """Return what is added to each x of an element before it is multiplied."""
        return 0

    @staticmethod
    def packed(weights: np.ndarray) -> np.ndarray:
        """Return (..., 4) s8, or (..., 2) bits of bf16, as (..., `words`) s32: how the weights are stored."""
        return np.ascontiguousarray(weights).view(np.int32)

    @abstractmethod
    def operand(self, x: ir.Value, element: Element) -> Sequence[ir.Value]:
        """Return x as `multiply` takes it, which many products have in common."""

    def spread(self, word: ir.Value, element: Element) -> Sequence[ir.Value]:
        """Return a word of numbers x, an i32, in all lanes, as `multiply` takes them."""
        return self.operand(self._b.broadcast(word), element)

    @abstractmethod
    def multiply(self, acc: ir.Value, x: Sequence[ir.Value], weights: Sequence[ir.Value]) -> ir.Value:
        """Return `acc` and in each lane a word's products; `weights` are vectors of the stored words."""

    def _call(self, name: str, parts: int, *operands: ir.Value) -> ir.Value:
        """Return what an intrinsic gives, whose last two operands are vectors of `parts` numbers a lane."""
        kind = ir.VectorType(ir.IntType(32 // parts), self._kind.count * parts)
        *acc, a, b = operands
        given = [*acc, self._b.ir.bitcast(a, kind), self._b.ir.bitcast(b, kind)]
        function = ir.FunctionType(self._kind, [each.type for each in given])
        return self._b.ir.call(external(self._b.ir, name, function), given)


class Flipping(Dots):
    """What multiplies x of one sign, to which the other one's numbers come by flipping the sign bit of each byte."""

    def operand(self, x: ir.Value, element: Element) -> Sequence[ir.Value]:
        """Return x in the range of the instruction."""
        return [self._b.ir.xor(x, self._b.integer(_SIGNS)) if self.added(element) else x]

    def spread(self, word: ir.Value, element: Element) -> Sequence[ir.Value]:
        """Return the word in all lanes; flipped before, for some versions of LLVM never end where it is afterwards."""
        flipped = self._b.ir.xor(word, ir.Constant(I32, _SIGNS)) if self.added(element) else word
        return [self._b.broadcast(flipped)]


class Vnni(Flipping):
    """``vpdpbusd``: u8 by s8."""

    @staticmethod
    def added(element: Element) -> int:
        """Of s8 128."""
        return 128 if element == S8 else 0

    def multiply(self, acc: ir.Value, x: Sequence[ir.Value], weights: Sequence[ir.Value]) -> ir.Value:
        """Return the sum; LLVM knows these operands as vectors of 32 bits in all versions, and of bytes in later ones.

        A weight that is loaded into all lanes becomes the instruction's operand in memory.
        """
        bits = 32 * self._kind.count
        return self._call(f"llvm.x86.avx512.vpdpbusd.{bits}", 1, acc, *x, *weights)


class Madd(Dots):
    """``vpmaddwd``: pairs of s16."""

    words = 2

    @staticmethod
    def packed(weights: np.ndarray) -> np.ndarray:
        """Return the s16 of channels 0 and 2, then of 1 and 3."""
        wide = weights[..., [0, 2, 1, 3]].astype(np.int16)
        return np.ascontiguousarray(wide).view(np.int32)

    def operand(self, x: ir.Value, element: Element) -> Sequence[ir.Value]:
        """Return the even bytes as s16, and the odd ones."""
        emit, half = self._b.ir, ir.VectorType(ir.IntType(16), 2 * self._kind.count)
        eight = ir.Constant(half, [8] * half.count)
        raised = emit.shl(emit.bitcast(x, half), eight)
        shift = emit.lshr if element == U8 else emit.ashr
        wide = [shift(raised, eight), shift(emit.bitcast(x, half), eight)]
        return [emit.bitcast(each, self._kind) for each in wide]

    def multiply(self, acc: ir.Value, x: Sequence[ir.Value], weights: Sequence[ir.Value]) -> ir.Value:
        """Return the sum of both registers' products."""
        name = "llvm.x86.avx512.pmaddw.d.512" if self._kind.count == 16 else "llvm.x86.avx2.pmadd.wd"
        for own, factor in zip(x, weights, strict=True):
            acc = self._b.ir.add(acc, self._call(name, 2, own, factor))
        return acc


class Twos(Vnni):
    """``vpmaddubsw`` on words whose sums of pairs are within s16 together, whatever x is."""

    def multiply(self, acc: ir.Value, x: Sequence[ir.Value], weights: Sequence[ir.Value]) -> ir.Value:
        """Return `acc` and in each lane the four products of each word of x with one of the weights."""
        emit, wide = self._b.ir, self._kind.count == 16
        bytes_, halves = (ir.VectorType(ir.IntType(32 // n), n * self._kind.count) for n in (4, 2))
        name = "llvm.x86.avx512.pmaddubs.w.512" if wide else "llvm.x86.avx2.pmadd.ub.sw"
        function = external(emit, name, ir.FunctionType(halves, [bytes_, bytes_]))
        pairs = [
            emit.call(function, [emit.bitcast(own, bytes_), emit.bitcast(factor, bytes_)])
            for own, factor in zip(x, weights, strict=True)
        ]
        ones = ir.Constant(halves, [1] * halves.count)
        name = "llvm.x86.avx512.pmaddw.d.512" if wide else "llvm.x86.avx2.pmadd.wd"
        return emit.add(acc, self._call(name, 2, reduce(emit.add, pairs), ones))


class Sdot(Flipping):
    """``sdot``: s8 by s8."""

    @staticmethod
    def added(element: Element) -> int:
        """Of u8 -128."""
        return -128 if element == U8 else 0

    def multiply(self, acc: ir.Value, x: Sequence[ir.Value], weights: Sequence[ir.Value]) -> ir.Value:
        """Return the sum."""
        return self._call("llvm.aarch64.neon.sdot.v4i32.v16i8", 4, acc, *x, *weights)


class Plain(Dots):
    """LLVM's own operations."""

    def operand(self, x: ir.Value, element: Element) -> Sequence[ir.Value]:
        """Return each of the four bytes as s32."""
        return self._extended(x, element)

    def multiply(self, acc: ir.Value, x: Sequence[ir.Value], weights: Sequence[ir.Value]) -> ir.Value:
        """Return the sum of four products."""
        (words,) = weights
        for own, factor in zip(x, self._extended(words, S8), strict=True):
            acc = self._b.ir.add(acc, self._b.ir.mul(own, factor))
        return acc

    def _extended(self, x: ir.Value, element: Element) -> list[ir.Value]:
        return [self._b.part(x, number, element) for number in range(WORD)]


class NativePairs(Dots):
    """``vdpbf16ps``."""

    def operand(self, x: ir.Value, element: Element) -> Sequence[ir.Value]:
        """Return x as it is."""
        return [x]

    def multiply(self, acc: ir.Value, x: Sequence[ir.Value], weights: Sequence[ir.Value]) -> ir.Value:
        """Return the sum; later versions of LLVM make of vectors of 32 bits what they know the operands as.

        A weight that is loaded into all lanes becomes the instruction's operand in memory.
        """
        name, given = f"llvm.x86.avx512bf16.dpbf16ps.{32 * self._kind.count}", [acc, *x, *weights]
        function = ir.FunctionType(acc.type, [each.type for each in given])
        return self._b.ir.call(external(self._b.ir, name, function), given)


class EmulatedPairs(Dots):
    """Multiply-adds of f32."""

    words = 2

    @staticmethod
    def packed(weights: np.ndarray) -> np.ndarray:
        """Return the second number as f32, then the first."""
        return (weights[..., ::-1].astype(np.uint32) << 16).view(np.int32)

    def operand(self, x: ir.Value, element: Element) -> Sequence[ir.Value]:
        """Return the second numbers as f32, and the first ones."""
        return self._b.parts(x, element)[::-1]

    def multiply(self, acc: ir.Value, x: Sequence[ir.Value], weights: Sequence[ir.Value]) -> ir.Value:
        """Return the sum."""
        for own, factor in zip(x, weights, strict=True):
            acc = self._b.fused(own, self._b.from_bits(factor), acc)
        return acc


#: By the name of a target's way.
DOTS: dict[str, type[Dots]] = {
    VNNI: Vnni,
    MADD: Madd,
    TWOS: Twos,
    SDOT: Sdot,
    PLAIN: Plain,
    NATIVE: NativePairs,
    EMULATED: EmulatedPairs,
}
