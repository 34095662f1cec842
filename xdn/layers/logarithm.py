"""What Exp and Log share: a base, and a linear function."""

import math
from dataclasses import dataclass

from xdn.errors import ShapeError
from xdn.graph import Blob, Blobs
from xdn.layers.base import proto
from xdn.layers.function import Function

#: How a file says that the base is e.
NATURAL = -1


@dataclass(frozen=True)
class BasedFunction(Function):
    """Base of Exp and Log."""

    base: float = proto(1, "float", default=-1.0)
    scale: float = proto(2, "float", default=1.0)
    shift: float = proto(3, "float", default=0.0)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """Any shape, unchanged; the base is positive."""
        if self.base != NATURAL and not 0 < self.base < math.inf:
            raise ShapeError(f"base {self.base}; it is positive and finite, or {NATURAL} for e")
        return super().infer(bottoms, n_tops)

    def log_base(self) -> float:
        """Return the natural logarithm of the base."""
        return 1.0 if self.base == NATURAL else math.log(self.base)
