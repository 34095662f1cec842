"""The base that Exp and Log share."""

import math

from xdn.errors import ShapeError

#: How a file says that the base is e.
NATURAL = -1


def check_base(base: float) -> None:
    """Raise ShapeError where `base` is neither positive and finite nor `NATURAL`."""
    if base != NATURAL and not 0 < base < math.inf:
        raise ShapeError(f"base {base}; it is positive and finite, or {NATURAL} for e")
