"""Unary: rounding, the sign and the test for NaN, as formulas; other functions are computed on whole batches."""

from collections.abc import Mapping

from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BOTH
from xdn.kernels.elementwise.pointwise import lower_kernel, over_bottom
from xdn.layers.function import Arithmetic, Formula, Kernel, Value

#: From here on every f32 is whole: added to a smaller magnitude, and taken from it again, it rounds to whole numbers.
_ALL_WHOLE = 2.0**23


def _round(m: Arithmetic, x: Value) -> Value:
    magnitude, whole = m.magnitude(x), m.number(_ALL_WHOLE)
    rounded = m.sub(m.add(magnitude, whole), whole)
    rounded = m.where(x, "<", m.number(0), m.negative(rounded), rounded)
    return m.where(magnitude, "<", whole, rounded, x)


def _ceil(m: Arithmetic, x: Value) -> Value:
    return m.negative(m.floor(m.negative(x)))


def _trunc(m: Arithmetic, x: Value) -> Value:
    return m.where(x, "<", m.number(0), _ceil(m, x), m.floor(x))


def _sign(m: Arithmetic, x: Value) -> Value:
    zero = m.number(0)
    return m.where(x, ">", zero, m.number(1), m.where(x, "<", zero, m.number(-1), x))


def _is_nan(m: Arithmetic, x: Value) -> Value:
    return m.where(x, "==", x, m.number(0), m.number(1))


_FORMULAS: Mapping[str, Formula] = {
    "ROUND": _round,
    "FLOOR": lambda m, x: m.floor(x),
    "CEIL": _ceil,
    "TRUNC": _trunc,
    "SIGN": _sign,
    "IS_NAN": _is_nan,
}


def _has_formula(lowering: Lowering) -> bool:
    return lowering.params.operation in _FORMULAS


@family("unary", "Unary", when=_has_formula, schedules=BOTH, phases=over_bottom)
def lower_unary(lowering: Lowering) -> Lowered:
    """Round every element, or tell its sign, or whether it is NaN."""
    operation = lowering.params.operation
    return lower_kernel(lowering, Kernel(f"unary_{operation.lower()}", _FORMULAS[operation]))
