"""Number formats: what a value in memory is, and what sums of products of such values are computed in."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Element:
    """A number format.

    Parameters
    ----------
    name : str
        As in kernel names: ``"f32"``.
    bytes : int
        Of one value in memory.
    dtype : str
        The NumPy type that stores it; of raw bits where NumPy does not know the format.
    interleave : int
        Channels that lie together, as dot-product and tile instructions read them.
    accumulator : str
        Name of the element in which products are summed.
    """

    name: str
    bytes: int
    dtype: str
    interleave: int = 1
    accumulator: str = "f32"

    @property
    def numpy(self) -> np.dtype:
        """The NumPy type that stores it."""
        return np.dtype(self.dtype)


F32 = Element("f32", 4, "float32")
#: The upper half of an f32: its range, with 8 bits of precision.
BF16 = Element("bf16", 2, "uint16", interleave=2)
#: IEEE 754 half precision.
F16 = Element("f16", 2, "float16", interleave=2)
S8 = Element("s8", 1, "int8", interleave=4, accumulator="s32")
U8 = Element("u8", 1, "uint8", interleave=4, accumulator="s32")
S32 = Element("s32", 4, "int32", accumulator="s32")
#: Of sums over many values, and of tables.
F64 = Element("f64", 8, "float64", accumulator="f64")
S64 = Element("s64", 8, "int64", accumulator="s64")

ELEMENTS = {element.name: element for element in (F32, BF16, F16, S8, U8, S32, F64, S64)}
