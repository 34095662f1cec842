"""Numbers of half the size become f32 in registers."""

from llvmlite import ir

from xdn.codegen.arithmetic import Arithmetic
from xdn.codegen.target import Target
from xdn.element import BF16, F16, Element


class Conversion(Arithmetic):
    """Emit conversions to f32, of one number or of a vector; all are exact.

    Parameters
    ----------
    irbuilder : llvmlite.ir.IRBuilder
    lanes : int
        Elements of a vector; 0 for scalars.
    target : Target
        Whether it has an instruction for half precision.
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
