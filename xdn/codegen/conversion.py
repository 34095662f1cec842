"""Numbers of half the size become f32 in registers, and f32 numbers of bf16."""

from llvmlite import ir

from xdn.codegen.arithmetic import I32, Arithmetic, external
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
        if self._lanes == self._target.lanes and self._target.pairs == NATIVE:
            return self._rounded("cvtneps2bf16", kind, value)
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
        kind = ir.VectorType(ir.IntType(16), 2 * self._lanes)
        halves = self._rounded("cvtne2ps2bf16", kind, odd, even)
        in_turn = [lane // 2 + lane % 2 * self._lanes for lane in range(2 * self._lanes)]
        mask = ir.Constant(ir.VectorType(I32, 2 * self._lanes), in_turn)
        return self.ir.bitcast(self.ir.shuffle_vector(halves, halves, mask), self._integer)

    def _rounded(self, stem: str, kind: ir.Type, *values: ir.Value) -> ir.Value:
        """Return what an instruction of AVX512-BF16 gives; LLVM makes of its older types of bits those of today."""
        name = f"llvm.x86.avx512bf16.{stem}.{32 * self._lanes}"
        return self.ir.call(external(self.ir, name, ir.FunctionType(kind, [self.kind] * len(values))), values)
