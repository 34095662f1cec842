"""Numbers of half the size become f32 in registers, and f32 numbers of bf16."""

from llvmlite import ir

from xdn.codegen.arithmetic import I32, Arithmetic, concatenated, external
from xdn.codegen.target import NATIVE, Target
from xdn.element import BF16, F16, Element


class Conversion(Arithmetic):
    """Emit conversions of one number or of a vector: to f32, which are exact, and to bf16.

    Parameters
    ----------
    irbuilder : llvmlite.ir.IRBuilder
    lanes : int
        Elements of a vector; 0 for scalars.
    target : Target
        Whether it has instructions for half precision and for bf16.
    """

    def __init__(self, irbuilder: ir.IRBuilder, lanes: int, target: Target):
        super().__init__(irbuilder, lanes)
        self._target = target

    def to_f32(self, value: ir.Value, element: Element) -> ir.Value:
        """Return stored numbers of an element as f32."""
        if element == BF16:
            return self.from_bits(self.ir.shl(self.ir.zext(value, self._integer), self.integer(16)))
        if element == F16:
            return self._half(value) if self._target.half else self._half_by_bits(value)
        return value

    def _half(self, value: ir.Value) -> ir.Value:
        kind = ir.VectorType(ir.HalfType(), self._lanes) if self._lanes else ir.HalfType()
        return self.ir.fpext(self.ir.bitcast(value, kind), self.kind)

    def _half_by_bits(self, value: ir.Value) -> ir.Value:
        """Return half precision as f32 by integer operations: LLVM would call a library."""
        bits = self.ir.zext(value, self._integer)
        magnitude = self.ir.and_(bits, self.integer(0x7FFF))
        sign = self.ir.shl(self.ir.and_(bits, self.integer(0x8000)), self.integer(16))
        wide = self.ir.shl(magnitude, self.integer(13))
        normal = self.ir.add(wide, self.integer((127 - 15) << 23))
        special = self.ir.or_(wide, self.integer(0x7F800000))
        # Below the normal numbers a number is a multiple of 2**-24; a processor that flushes denormals must not see it.
        small = self.bits(self.mul(self.rounded(magnitude), self.number(2.0**-24)))
        found = self.ir.select(self.ir.icmp_unsigned(">=", magnitude, self.integer(0x7C00)), special, normal)
        found = self.ir.select(self.ir.icmp_unsigned("<", magnitude, self.integer(0x0400)), small, found)
        return self.from_bits(self.ir.or_(found, sign))

    def to_bf16(self, value: ir.Value) -> ir.Value:
        """Return the bits of the numbers of bf16 nearest to f32, as `Element.stored` has them."""
        kind = ir.VectorType(ir.IntType(16), self._lanes) if self._lanes else ir.IntType(16)
        if self._lanes and self._target.pairs == NATIVE:
            return concatenated(self.ir, [self._rounded("cvtneps2bf16", part) for part in self._registers(value)])
        bits, sign = self.bits(value), self.integer(0x80000000)
        odd = self.ir.and_(self.ir.lshr(bits, self.integer(16)), self.integer(1))
        nearest = self.ir.add(self.ir.add(bits, self.integer(0x7FFF)), odd)
        # A NaN must not become an infinity; denormal numbers are zeros.
        quiet = self.ir.or_(bits, self.integer(0x400000))
        nearest = self.ir.select(self.ir.fcmp_unordered("uno", value, value), quiet, nearest)
        small = self.ir.icmp_unsigned("==", self.ir.and_(bits, self.integer(0x7F800000)), self.integer(0))
        nearest = self.ir.select(small, self.ir.and_(bits, sign), nearest)
        return self.ir.trunc(self.ir.lshr(nearest, self.integer(16)), kind)

    def joined(self, even: ir.Value, odd: ir.Value) -> ir.Value:
        """Return i32 whose halves are the numbers of bf16 nearest to those of two vectors, `even` the lower ones.

        Only where the target has the instruction.
        """
        lanes, found = self._target.lanes, []
        in_turn = [lane // 2 + lane % 2 * lanes for lane in range(2 * lanes)]
        mask = ir.Constant(ir.VectorType(I32, 2 * lanes), in_turn)
        for low, high in zip(self._registers(even), self._registers(odd), strict=True):
            halves = self._rounded("cvtne2ps2bf16", high, low)
            words = self.ir.shuffle_vector(halves, halves, mask)
            found.append(self.ir.bitcast(words, ir.VectorType(I32, lanes)))
        return concatenated(self.ir, found)

    def _registers(self, value: ir.Value) -> list[ir.Value]:
        """Return the vectors of the target that a value takes."""
        lanes = self._target.lanes
        if self._lanes == lanes:
            return [value]
        places = [[*range(at, at + lanes)] for at in range(0, self._lanes, lanes)]
        masks = [ir.Constant(ir.VectorType(I32, lanes), each) for each in places]
        return [self.ir.shuffle_vector(value, value, mask) for mask in masks]

    def _rounded(self, stem: str, *values: ir.Value) -> ir.Value:
        """Return what an instruction of AVX512-BF16 gives; LLVM makes of its older types of bits those of today."""
        lanes = self._target.lanes
        kind = ir.VectorType(ir.IntType(16), lanes * len(values))
        name = f"llvm.x86.avx512bf16.{stem}.{32 * lanes}"
        function = ir.FunctionType(kind, [value.type for value in values])
        return self.ir.call(external(self.ir, name, function), values)
