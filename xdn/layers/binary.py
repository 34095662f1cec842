"""Binary: functions of two elements, of blobs that broadcast as NumPy's arrays do."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import Message, layer_type, misfit, proto
from xdn.layers.portable import Library, Portable

#: What gives a number, of (library, a, b).
_NUMBERS: Final[Mapping[str, Callable[[Library, Any, Any], Any]]] = {
    "ADD": lambda lib, a, b: a + b,
    "SUB": lambda lib, a, b: a - b,
    "MUL": lambda lib, a, b: a * b,
    "DIV": lambda lib, a, b: a / b,
    "MAX": lambda lib, a, b: lib.maximum(a, b),
    "MIN": lambda lib, a, b: lib.minimum(a, b),
    "POW": lambda lib, a, b: a**b,
    "MOD": lambda lib, a, b: lib.remainder(a, b),
    "FMOD": lambda lib, a, b: lib.fmod(a, b),
}
#: What is so or not, 1 or 0.
COMPARISONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "EQUAL": lambda a, b: a == b,
    "NOT_EQUAL": lambda a, b: a != b,
    "LESS": lambda a, b: a < b,
    "LESS_OR_EQUAL": lambda a, b: a <= b,
    "GREATER": lambda a, b: a > b,
    "GREATER_OR_EQUAL": lambda a, b: a >= b,
}
_OPERATIONS = (*_NUMBERS, *COMPARISONS)


@layer_type("Binary")
class Binary(Portable):
    """Binary: arithmetic or a comparison of two blobs, aligned at their last axes; extents of 1 are repeated.

    A comparison gives 1 or 0. MOD has the sign of the second bottom, FMOD that of the first. The layer is ours, for
    what ONNX models compute.
    """

    message = Message("BinaryParameter", "binary_param", 2067)
    channel_rule = ChannelRule.CARRIED

    operation: str = proto(1, "enum", default="ADD", values={name: number for number, name in enumerate(_OPERATIONS)})

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The larger extent along each axis."""
        if len(bottoms) != 2:
            raise misfit(bottoms, "two")
        try:
            return (Blob(np.broadcast_shapes(*(bottom.shape for bottom in bottoms))),)
        except ValueError:
            shapes = " and ".join(str(bottom.shape) for bottom in bottoms)
            raise ShapeError(f"bottoms of shapes {shapes} do not broadcast") from None

    def jumps(self, n_tops: int) -> bool:
        """Where it compares, or takes a remainder."""
        return self.operation in COMPARISONS or self.operation in ("MOD", "FMOD")

    def joins_images(self, bottoms: Blobs) -> bool:
        """Where the bottoms have not the batch along one axis."""
        return len({len(bottom.shape) for bottom in bottoms}) > 1 or len({bottom.shape[:1] for bottom in bottoms}) > 1

    def channel_rule_for(self, bottoms: Blobs) -> ChannelRule:
        """CARRIED where both have the same channels."""
        alike = len(bottoms[0].shape) > 1 and len(bottoms[0].shape) == len(bottoms[1].shape)
        return ChannelRule.CARRIED if alike and bottoms[0].shape[1] == bottoms[1].shape[1] else ChannelRule.FIXED

    def keeps_positions(self, bottoms: Blobs) -> bool:
        """Where both have one shape."""
        return bottoms[0].shape == bottoms[1].shape

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Element by element, in f32."""
        a, b = bottoms
        if self.operation in _NUMBERS:
            return (_NUMBERS[self.operation](lib, a, b),)
        return (lib.asarray(COMPARISONS[self.operation](a, b), dtype=a.dtype),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """As `computed` says; what is not defined is NaN or infinite."""
        with np.errstate(all="ignore"):
            return tuple(map(np.asarray, super().reference(bottoms, weights, n_tops)))
