"""The formulas of `xdn/codegen/formulas.py` as functions of one f32, for the kernels that Numba compiles.

LLVM vectorises loops over them; each element's result is that of the vector code, bit for bit.
"""

from collections.abc import Callable

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from xdn.codegen import formulas
from xdn.codegen.arithmetic import Arithmetic

Formula = Callable[..., ir.Value]


def _typed(formula: Formula, count: int):
    """Return what an intrinsic of `count` f32 gives Numba: its signature, and what emits its code."""

    def codegen(context, builder, signature, args):
        return formula(Arithmetic(builder), *args)

    return types.float32(*[types.float32] * count), codegen


def _of_one(formula: Formula):
    return intrinsic(lambda typingctx, x: _typed(formula, 1))


def _of_two(formula: Formula):
    return intrinsic(lambda typingctx, x, second: _typed(formula, 2))


def _of_three(formula: Formula):
    return intrinsic(lambda typingctx, x, second, third: _typed(formula, 3))


exp = _of_one(formulas.exp)
log = _of_one(formulas.log)
sigmoid = _of_one(formulas.sigmoid)
tanh = _of_one(formulas.tanh)
power = _of_two(formulas.power)
relu = _of_two(formulas.relu)
elu = _of_two(formulas.elu)
relu6 = _of_one(formulas.relu6)
hsigmoid = _of_one(formulas.hsigmoid)
hswish = _of_one(formulas.hswish)
swish = _of_two(formulas.swish)
softplus = _of_one(formulas.softplus)
mish = _of_one(formulas.mish)
bounded = _of_three(formulas.bounded)
signed_power = _of_three(formulas.signed_power)


@intrinsic
def fma(typingctx, a, b, c):
    """Return a * b + c, rounded once."""
    return _typed(Arithmetic.fused, 3)
