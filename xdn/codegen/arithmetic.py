"""Operations on f32 that are the same for a scalar and for a vector.

Formulas written on them (`xdn/codegen/formulas.py`) give one result, to the bit, whether a kernel's own vector code
or a loop over single elements computes them.
"""

from collections.abc import Sequence

import numpy as np
from llvmlite import ir

from xdn.element import real

_FLOAT, I32 = ir.FloatType(), ir.IntType(32)


def external(builder: ir.IRBuilder, name: str, kind: ir.FunctionType) -> ir.Function:
    """Return the module's function `name`, declared where it is not yet."""
    return builder.module.globals.get(name) or ir.Function(builder.module, kind, name)


def concatenated(irbuilder: ir.IRBuilder, vectors: Sequence[ir.Value]) -> ir.Value:
    """Return vectors, whose number is a power of two, as one."""
    while len(vectors) > 1:
        mask = ir.Constant(ir.VectorType(I32, 2 * vectors[0].type.count), list(range(2 * vectors[0].type.count)))
        pairs = zip(vectors[::2], vectors[1::2], strict=True)
        vectors = [irbuilder.shuffle_vector(one, other, mask) for one, other in pairs]
    return vectors[0]


class Arithmetic:
    """Emit operations on f32 values at the position of an llvmlite IRBuilder.

    Parameters
    ----------
    irbuilder : llvmlite.ir.IRBuilder
        Where instructions are appended.
    lanes : int
        Elements of a vector; 0 for scalars.
    """

    def __init__(self, irbuilder: ir.IRBuilder, lanes: int = 0):
        self.ir, self._lanes = irbuilder, lanes
        self.kind = ir.VectorType(_FLOAT, lanes) if lanes else _FLOAT
        self._integer = ir.VectorType(I32, lanes) if lanes else I32

    def number(self, value: float | np.floating) -> ir.Value:
        """Return the f32 nearest to `value`, in every lane."""
        single = float(real(value))
        return ir.Constant(self.kind, [single] * self._lanes if self._lanes else single)

    def integer(self, value: int) -> ir.Value:
        """Return an i32, in every lane."""
        return ir.Constant(self._integer, [value] * self._lanes if self._lanes else value)

    def _call(self, stem: str, *args: ir.Value) -> ir.Value:
        """Call an LLVM intrinsic whose operands and result are all of this kind."""
        name = f"{stem}.v{self._lanes}f32" if self._lanes else f"{stem}.f32"
        return self.ir.call(external(self.ir, name, ir.FunctionType(self.kind, [self.kind] * len(args))), args)

    def fused(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """Return a * b + c, rounded once on every processor."""
        return self._call("llvm.fma", a, b, c)

    def floor(self, x: ir.Value) -> ir.Value:
        """Return the largest integer that is not above x."""
        return self._call("llvm.floor", x)

    def magnitude(self, x: ir.Value) -> ir.Value:
        """Return |x|."""
        return self._call("llvm.fabs", x)

    def with_sign(self, x: ir.Value, sign: ir.Value) -> ir.Value:
        """Return |x| with the sign of `sign`."""
        return self._call("llvm.copysign", x, sign)

    def square_root(self, x: ir.Value) -> ir.Value:
        """Return the square root of x; NaN below 0."""
        return self._call("llvm.sqrt", x)

    def negative(self, x: ir.Value) -> ir.Value:
        """Return -x."""
        return self.ir.fneg(x)

    def add(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Return a + b."""
        return self.ir.fadd(a, b)

    def sub(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Return a - b."""
        return self.ir.fsub(a, b)

    def mul(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Return a * b."""
        return self.ir.fmul(a, b)

    def div(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Return a / b."""
        return self.ir.fdiv(a, b)

    def where(self, a: ir.Value, comparison: str, b: ir.Value, yes: ir.Value, no: ir.Value) -> ir.Value:
        """Return `yes` where `a` compares so to `b`, else (and for NaN) `no`."""
        return self.ir.select(self.ir.fcmp_ordered(comparison, a, b), yes, no)

    def larger(self, x: ir.Value, most: ir.Value) -> ir.Value:
        """Return `x` where it is larger than `most`, else (and for NaN) `most`: one step of a running maximum."""
        return self.where(x, ">", most, x, most)

    def rounded(self, i: ir.Value) -> ir.Value:
        """Return an i32 as f32."""
        return self.ir.sitofp(i, self.kind)

    def bits(self, x: ir.Value) -> ir.Value:
        """Return the bits of an f32 as i32."""
        return self.ir.bitcast(x, self._integer)

    def from_bits(self, i: ir.Value) -> ir.Value:
        """Return the f32 that has these bits."""
        return self.ir.bitcast(i, self.kind)
