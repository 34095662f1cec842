"""The shape and element of what flows between layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from xdn import settings
from xdn.element import REAL, Element
from xdn.errors import ShapeError

Shape = tuple[int, ...]
#: The values of a blob, or a weight.
Array = np.ndarray
#: Blob -> its values.
Feed = Mapping[str, Array]


@dataclass(frozen=True)
class Blob:
    """A blob's shape (axis 0 is the batch N, axis 1 the channels C) and element.

    Parameters
    ----------
    shape : tuple of int
        Extents, all positive.
    element : Element
        What a value is in memory.
    scale : float
        Of 8-bit integers: what 1 stands for (`xdn.graph.quantized`).
    """

    shape: Shape
    element: Element = REAL
    scale: float = 1.0

    def __post_init__(self) -> None:
        if any(extent < 1 for extent in self.shape):
            raise ShapeError(f"a blob has the shape {self.shape}; every extent must be positive")
        if len(self.shape) > settings.MAX_BLOB_AXES:
            raise ShapeError(f"a blob has {len(self.shape)} axes; at most {settings.MAX_BLOB_AXES} are allowed")
        if prod(self.shape) > settings.MAX_BLOB_ELEMENTS:
            raise ShapeError(f"a blob of shape {self.shape} has more than {settings.MAX_BLOB_ELEMENTS} elements")

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """Size in bytes."""
        return self.size * self.element.bytes

    @property
    def image_size(self) -> int:
        """Number of elements of one image (all axes but the first)."""
        return prod(self.shape[1:])

    def axis(self, axis: int) -> int:
        """Return `axis` counted from the front; raise ShapeError where the blob has no such axis."""
        if not -len(self.shape) <= axis < len(self.shape):
            raise ShapeError(f"axis {axis} of a blob with {len(self.shape)} axes {self.shape}")
        return axis % len(self.shape)
