"""Formulas as functions of one f32, for the kernels that Numba compiles.

LLVM vectorises loops over them; each element's result is that of the vector code, bit for bit.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from xdn.codegen import formulas
from xdn.codegen.formulas import Mathematics
from xdn.codegen.jit import NUMBER, emitted, jitable
from xdn.layers.relu import ReLU

Formula = Callable[..., ir.Value]
#: As many constants as any function of one element takes.
MOST_CONSTANTS = 4


def _function(formula: Formula, count: int, given: int | None = None) -> Any:
    """Return a formula as a function of `count` numbers, of which it takes the first `given`."""
    return emitted(NUMBER, *[NUMBER] * count)(lambda builder, *args: formula(Mathematics(builder), *args[:given]))


def of_element(formula: Formula, constants: int) -> Callable[..., float]:
    """Return a formula of x and so many constants as a function of x and `MOST_CONSTANTS` numbers, the last unread."""
    emit = _function(formula, 1 + MOST_CONSTANTS, 1 + constants)

    # Around the intrinsic, since a bare one leads LLVM to another order of instructions, and other registers.
    def of_one(x, a, b, c, d):
        return emit(x, a, b, c, d)

    return jitable(of_one)


def of_pair(formula: Formula) -> Any:
    """Return a formula of two numbers as a function of them."""
    return _function(formula, 2)


exp, power, relu = _function(formulas.exp, 1), _function(formulas.power, 2), _function(ReLU.formula, 2)
#: a * b + c, rounded once.
fma = _function(Mathematics.fused, 3)
