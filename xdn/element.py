"""Number formats: what a value in memory is, and what sums of products of such values are computed in."""

from dataclasses import dataclass
from functools import cached_property

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
    largest : float
        The largest finite number.
    interleave : int
        Channels that lie together, as dot-product and tile instructions read them.
    accumulator : str
        Name of the element in which products are summed.
    """

    name: str
    bytes: int
    dtype: str
    largest: float
    interleave: int = 1
    accumulator: str = "f32"

    @cached_property
    def numpy(self) -> np.dtype:
        """The NumPy type that stores it."""
        return np.dtype(self.dtype)

    def stored(self, values: np.ndarray) -> np.ndarray:
        """Return f32 values as they are stored: rounded to the nearest, of two equally near ones to the even.

        Of bf16 denormal numbers are zeros, as to the instructions that multiply it.
        """
        if self == F32:
            return values
        if self.name != "bf16":
            with np.errstate(over="ignore"):
                return values.astype(self.numpy)
        bits = np.asarray(values, real, order="C").view(np.uint32)
        rounded = (bits + (((bits >> 16) & 1) + 0x7FFF)) >> 16
        rounded = np.where(bits & 0x7F800000, rounded, (bits >> 16) & 0x8000)
        # A NaN must not be rounded to an infinity.
        return np.where(np.isnan(values), (bits >> 16) | 0x40, rounded).astype(np.uint16)

    def rounded(self, values: np.ndarray) -> np.ndarray:
        """Return f32 values rounded to what can be stored."""
        return values if self.name == "f32" else self.loaded(self.stored(values))

    def loaded(self, stored: np.ndarray) -> np.ndarray:
        """Return stored values as f32."""
        if self.name != "bf16":
            return stored.astype(real)
        return (stored.astype(np.uint32) << 16).view(real)


F32 = Element("f32", 4, "float32", 2.0**128 - 2.0**104)
#: The upper half of an f32: its range, with 8 bits of precision.
BF16 = Element("bf16", 2, "uint16", 2.0**128 - 2.0**120, interleave=2)
#: IEEE 754 half precision.
F16 = Element("f16", 2, "float16", 65504.0, interleave=2)
S8 = Element("s8", 1, "int8", 127, interleave=4, accumulator="s32")
U8 = Element("u8", 1, "uint8", 255, interleave=4, accumulator="s32")
S32 = Element("s32", 4, "int32", 2**31 - 1, accumulator="s32")
#: Of sums over many values, and of tables.
F64 = Element("f64", 8, "float64", 2.0**1023 * (2 - 2.0**-52), accumulator="f64")
S64 = Element("s64", 8, "int64", 2**63 - 1, accumulator="s64")

#: In which values are computed, whatever they are stored as; `real` is NumPy's type of one.
REAL, real = F32, np.float32
#: What weights may be stored as; arithmetic is that of f32.
WEIGHT_ELEMENTS = {element.name: element for element in (F32, BF16, F16)}
ELEMENTS = {element.name: element for element in (F32, BF16, F16, S8, U8, S32, F64, S64)}
