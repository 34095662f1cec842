"""Formulas as functions of one f32, for the kernels that Numba compiles.

LLVM vectorises loops over them; each element's result is that of the vector code, bit for bit.
"""

from collections.abc import Callable

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, register_jitable

from xdn.codegen import formulas
from xdn.codegen.formulas import Mathematics
from xdn.layers.relu import ReLU

Formula = Callable[..., ir.Value]
#: As many constants as any function of one element takes.
MOST_CONSTANTS = 4


def _typed(formula: Formula, count: int, given: int | None = None):
    """Return what an intrinsic of `count` f32, of which the formula takes `given`, gives Numba."""

    def codegen(context, builder, signature, args):
        return formula(Mathematics(builder), *args[:given])

    return types.float32(*[types.float32] * count), codegen


def _of_one(formula: Formula):
    return intrinsic(lambda typingctx, x: _typed(formula, 1))


def _of_two(formula: Formula):
    return intrinsic(lambda typingctx, x, second: _typed(formula, 2))


def of_element(formula: Formula, constants: int):
    """Return a formula of x and so many constants as a function of x and `MOST_CONSTANTS` numbers, the last unread."""
    emit = intrinsic(lambda typingctx, x, a, b, c, d: _typed(formula, 1 + MOST_CONSTANTS, 1 + constants))

    # Around the intrinsic, since a bare one leads LLVM to another order of instructions, and other registers.
    def of_one(x, a, b, c, d):
        return emit(x, a, b, c, d)

    return register_jitable(of_one)


exp = _of_one(formulas.exp)
power = _of_two(formulas.power)
relu = _of_two(ReLU.formula)


@intrinsic
def fma(typingctx, a, b, c):
    """Return a * b + c, rounded once."""
    return _typed(Mathematics.fused, 3)
