"""Words of 32 bits: what an image has of channels that lie together, as one lane of a vector.

A word holds four integers of 8 bits, or two numbers of bf16, of which the first is in its lower half:
`Element.interleave`. Integers come from f32 by `Quantized.stored` and become f32 again exactly, numbers of bf16 by
`Element.stored`; see `xdn/graph/quantized.py`.
"""

from collections.abc import Sequence

from llvmlite import ir

from xdn.codegen.arithmetic import I32, Arithmetic, external
from xdn.codegen.builder import VectorBuilder
from xdn.codegen.conversion import Conversion
from xdn.codegen.target import NATIVE
from xdn.element import BF16, REAL, S8, U8, Element

#: Integers of a word.
WORD = U8.interleave
#: An f32 from which a number of small magnitude is read off in the last bits: adding it rounds to the nearest integer,
#: of two equally near ones to the even, whatever instructions for that a processor has.
_READ_OFF = 1.5 * 2.0**23


def quantized(m: Arithmetic, value: ir.Value, inverse: ir.Value, signed: bool) -> ir.Value:
    """Return i32 whose last bytes are the integers that stand for f32; `inverse` is the reciprocal of their scale."""
    low, high = (-128, 127) if signed else (0, 255)
    product = m.mul(value, inverse)
    # The lowest one stands for NaN, too, where that is zero.
    if signed:
        product = m.where(product, "==", product, product, m.number(0))
    product = m.larger(product, m.number(low))
    product = m.where(product, "<", m.number(high), product, m.number(high))
    return m.bits(m.add(product, m.number(_READ_OFF)))


class WordBuilder(VectorBuilder):
    """Emit vector code over words; pointers are to what these consist of, and count that."""

    quantized = quantized

    def load_words(self, pointer: ir.Value, vector: int = 0, *, aligned: bool = True) -> ir.Value:
        """Load the vector of words number `vector` after a pointer."""
        value = self.ir.load(self._words_pointer(pointer, vector))
        value.align = self.target.vector_bytes if aligned else 1
        return value

    def store_words(self, words: ir.Value, pointer: ir.Value, vector: int = 0, *, aligned: bool = True) -> None:
        """Store to the vector of words number `vector` after a pointer."""
        self.ir.store(words, self._words_pointer(pointer, vector)).align = self.target.vector_bytes if aligned else 1

    def _words_pointer(self, pointer: ir.Value, vector: int) -> ir.Value:
        together = I32.width // pointer.type.pointee.width
        place = self.offset(pointer, vector * self._lanes * together)
        return self.ir.bitcast(place, self._integer.as_pointer())

    def turned(self, words: ir.Value, bits: ir.Value) -> ir.Value:
        """Return words rotated to the left by so many bits."""
        name, kind = f"llvm.fshl.v{self._lanes}i32", self._integer
        rotate = external(self.ir, name, ir.FunctionType(kind, [kind] * 3))
        return self.ir.call(rotate, [words, words, bits])

    def part(self, words: ir.Value, number: int, element: Element) -> ir.Value:
        """Return the 8-bit integer `number` of each word as i32."""
        if element == S8:
            high = self.ir.shl(words, self.integer(8 * (WORD - 1 - number)))
            return self.ir.ashr(high, self.integer(8 * (WORD - 1)))
        return self.ir.and_(self.ir.lshr(words, self.integer(8 * number)), self.integer(255))

    def parts(self, words: ir.Value, element: Element, factor: ir.Value | None = None) -> list[ir.Value]:
        """Return what each word holds as f32: numbers of bf16, or integers times a factor, if one is given."""
        if element == BF16:
            halves = self.ir.shl(words, self.integer(16)), self.ir.and_(words, self.integer(0xFFFF0000))
            return [self.from_bits(half) for half in halves]
        return self._scaled([self.part(words, number, element) for number in range(WORD)], factor)

    def _scaled(self, integers: Sequence[ir.Value], factor: ir.Value | None) -> list[ir.Value]:
        return [self.rounded(each) if factor is None else self.mul(self.rounded(each), factor) for each in integers]

    def joined(self, values: Sequence[ir.Value], element: Element, inverse: ir.Value | None = None) -> ir.Value:
        """Return the words of f32 values, one for each number of a word; of values that are left out 0.

        Integers are `Quantized.stored` of them, `inverse` being the reciprocal of their scale.
        """
        if element != BF16:
            return self.joined_bytes([self.quantized(value, inverse, element == S8) for value in values])
        even, odd = (*values, self.number(0))[:2]
        conversion = Conversion(self.ir, self._lanes, self.target)
        if self.target.pairs == NATIVE:
            return conversion.joined(even, odd)
        low, high = (self.ir.zext(conversion.to_bf16(each), self._integer) for each in (even, odd))
        return self.ir.or_(low, self.ir.shl(high, self.integer(16)))

    def joined_bytes(self, parts: Sequence[ir.Value]) -> ir.Value:
        """Return words of the last bytes of four vectors of i32."""
        last = self.integer(255)
        words = self.ir.shl(parts[-1], self.integer(8 * (len(parts) - 1)))
        for number, part in enumerate(parts[:-1]):
            words = self.ir.or_(words, self.ir.shl(self.ir.and_(part, last), self.integer(8 * number)))
        return words

    def load_values(self, pointer: ir.Value, vector: int, element: Element, factor: ir.Value | None = None) -> ir.Value:
        """Load the vector number `vector` after a pointer as f32; of integers times a factor, if one is given."""
        if element in (REAL, BF16):
            return self.load_stored(pointer, vector, element)
        return self._scaled([self.load_bytes(self.offset(pointer, vector * self._lanes), element)], factor)[0]

    def store_values(
        self, values: ir.Value, pointer: ir.Value, vector: int, element: Element, inverse: ir.Value | None = None
    ) -> None:
        """Store f32 to the vector number `vector` after a pointer, as numbers of an element; see `joined`."""
        if element in (REAL, BF16):
            self.store_stored(values, pointer, vector, element)
        else:
            integers = self.quantized(values, inverse, element == S8)
            self.store_bytes(integers, self.offset(pointer, vector * self._lanes))

    def load_bytes(self, pointer: ir.Value, element: Element) -> ir.Value:
        """Load as many 8-bit integers as a vector has lanes, as i32."""
        loaded = self.ir.load(self.ir.bitcast(pointer, self._bytes.as_pointer()))
        loaded.align = 1
        return (self.ir.sext if element == S8 else self.ir.zext)(loaded, self._integer)

    def store_bytes(self, values: ir.Value, pointer: ir.Value) -> None:
        """Store the last bytes of i32."""
        last = self.ir.trunc(values, self._bytes)
        self.ir.store(last, self.ir.bitcast(pointer, self._bytes.as_pointer())).align = 1

    @property
    def _bytes(self) -> ir.Type:
        return ir.VectorType(ir.IntType(8), self._lanes)

    def transposed(self, rows: Sequence[ir.Value]) -> list[ir.Value]:
        """Return the columns of as many vectors as a vector has lanes, a power of two.

        Each step lays the first half of the rows between those of the other half; after as many steps as the number of
        lanes has bits, each word has gone where row and lane are exchanged.
        """
        rows, half, lanes = list(rows), self._lanes // 2, self._lanes
        halves = [[part * half + i // 2 + i % 2 * lanes for i in range(lanes)] for part in range(2)]
        masks = [ir.Constant(ir.VectorType(I32, lanes), mask) for mask in halves]
        for _ in range(lanes.bit_length() - 1):
            pairs = zip(rows[:half], rows[half:], strict=True)
            rows = [self.ir.shuffle_vector(a, b, mask) for a, b in pairs for mask in masks]
        return rows
