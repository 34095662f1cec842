"""How layers read otherwise than in f32 alone: 8-bit integers of one scale a blob, bf16, f32 times integers.

All tell the same of themselves: what a value is in memory, how it comes from f32, and what it stands for.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from xdn.element import BF16, REAL, S8, U8, Element, real
from xdn.errors import ShapeError
from xdn.graph.blob import Array, Blob

#: Between these a scale, its reciprocal, and its parts that averages and differences of values come to, are normal
#: numbers: those below are zeros to kernels, and not to references.
LEAST_SCALE, MOST_SCALE = 2.0**-100, 2.0**126
#: How many bits an integer has where nothing else is said, which is the most.
BITS = 8
#: The largest magnitude of an 8-bit weight; -128 is left out, so that a weight and its negative are equally exact.
MOST_WEIGHT = 127


def weight_range(bits: int) -> tuple[int, int]:
    """Return the smallest and the largest integer of a weight: -1 and 1 alone of one bit, -127 to 127 of 8 bits."""
    if bits == 1:
        return -1, 1
    return (-MOST_WEIGHT, MOST_WEIGHT) if bits == BITS else (-(1 << bits - 1), (1 << bits - 1) - 1)


@dataclass(frozen=True)
class Quantized:
    """How real values are read as 8-bit integers: a value is about `scale` times its integer.

    Parameters
    ----------
    scale : float
        What 1 stands for; it is rounded to f32. ShapeError where it is not positive, or not from 2^-100 to 2^126.
    signed : bool
        Whether the integers are -128..127 (s8) in place of 0..255 (u8).
    bits : int
        Of an integer, 1 to 8, of signed ones 2 to 8: with fewer than 8 they are clipped to -2^(bits - 1)..2^(bits - 1)
        - 1, or 0..2^bits - 1; ShapeError for others.
    weight_bits : int
        Of the filters that these integers are multiplied with, 1 to 8 (`weight_range`); ShapeError for others.
    """

    scale: float
    signed: bool = False
    bits: int = BITS
    weight_bits: int = BITS

    def __post_init__(self) -> None:
        with np.errstate(over="ignore"):
            rounded = float(real(self.scale))
        if not LEAST_SCALE <= rounded <= MOST_SCALE:
            what = f"the scale of 8-bit integers is {self.scale:g}; it must be positive, from 2^-100 to 2^126"
            raise ShapeError(what)
        if not (1 + self.signed <= self.bits <= BITS and 1 <= self.weight_bits <= BITS):
            what = f"integers of {self.bits} bits, weights of {self.weight_bits}; 1 to 8 are possible, signed 2 to 8"
            raise ShapeError(what)
        object.__setattr__(self, "scale", rounded)

    @cached_property
    def element(self) -> Element:
        """What an integer is in memory."""
        return S8 if self.signed else U8

    @property
    def range(self) -> tuple[int, int]:
        """The smallest and the largest integer."""
        return (-(1 << self.bits - 1), (1 << self.bits - 1) - 1) if self.signed else (0, (1 << self.bits) - 1)

    @property
    def name(self) -> str:
        """What the integers are called, such as ``"u8"`` or ``"s4"``."""
        return f"{'s' if self.signed else 'u'}{self.bits}"

    @property
    def alone(self) -> "Quantized":
        """The same integers, whatever weights they are multiplied with."""
        return replace(self, weight_bits=BITS)

    @property
    def in_full(self) -> "Quantized":
        """The 8-bit integers of the same scale."""
        return Quantized(self.scale, self.signed)

    @property
    def inverse(self) -> float:
        """What values are multiplied with to make integers of them: 1 / scale, rounded to f32."""
        return float(real(1) / real(self.scale))

    def stored(self, values: Array) -> Array:
        """Return f32 values as integers: clip(rint(values * (1 / scale))), all in f32, NaN as 0.

        The reciprocal is rounded once and so is the product; of two integers equally near it is the even one.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            nearest = np.rint(np.asarray(values, real) * real(self.inverse))
        nearest = np.where(np.isnan(nearest), real(0), nearest)
        return np.clip(nearest, *self.range).astype(self.element.numpy)

    def values(self, integers: Array) -> Array:
        """Return the f32 values that integers stand for: f32(integer) * scale."""
        with np.errstate(over="ignore"):
            return integers.astype(real) * real(self.scale)

    def read(self, array: Array) -> Array:
        """Return what a layer that reads quantized values reads of a blob: f32 values as integers, integers as is."""
        return array if array.dtype == self.element.numpy else self.stored(array)

    def __str__(self) -> str:
        weights = "" if self.weight_bits == BITS else f", weights of {self.weight_bits} bits"
        return f"{self.name}, scale {self.scale:.4g}{weights}"


@dataclass(frozen=True)
class Bf16:
    """Values rounded to bf16, in which their products are exact; arrays hold the raw bits of 16."""

    @property
    def element(self) -> Element:
        """What a value is in memory."""
        return BF16

    def stored(self, values: Array) -> Array:
        """Return f32 values in bf16: to the nearest, of two equally near ones the even; NaN stays NaN."""
        return BF16.stored(values)

    def values(self, stored: Array) -> Array:
        """Return values in bf16 as f32, exactly."""
        return BF16.loaded(stored)

    def read(self, array: Array) -> Array:
        """Return what a layer that reads bf16 reads of a blob: f32 values rounded, values in bf16 as is."""
        return array if array.dtype == BF16.numpy else self.stored(array)

    def __str__(self) -> str:
        return BF16.name


@dataclass(frozen=True)
class WeightsOnly:
    """f32 values, multiplied with filters that are integers times the scale of each filter.

    Parameters
    ----------
    weight_bits : int
        Of the filters' integers, 1 to 8 (`weight_range`); ShapeError for others.
    """

    weight_bits: int = BITS

    def __post_init__(self) -> None:
        if not 1 <= self.weight_bits <= BITS:
            raise ShapeError(f"weights of {self.weight_bits} bits; 1 to {BITS} are possible")

    @property
    def element(self) -> Element:
        """What a value is in memory."""
        return REAL

    def stored(self, values: Array) -> Array:
        """Return f32 values as they are."""
        return np.asarray(values, real)

    def values(self, stored: Array) -> Array:
        """Return f32 values as they are."""
        return stored

    def read(self, array: Array) -> Array:
        """Return what a layer reads of a blob: its f32 values."""
        return self.stored(array)

    def __str__(self) -> str:
        return f"f32, weights of {self.weight_bits} bit{'s' if self.weight_bits > 1 else ''}"


#: How a layer reads a bottom, or a blob is stored, where not in f32 alone.
Reading = Quantized | Bf16 | WeightsOnly
#: How a layer reads a bottom that it multiplies with integers times scales.
IntegerWeights = Quantized | WeightsOnly


def reading_of(blob: Blob) -> Reading | None:
    """Return how values of a blob are stored, None where in f32 or another element that layers compute with."""
    if blob.element == BF16:
        return Bf16()
    return Quantized(blob.scale, blob.element == S8) if blob.element in (U8, S8) else None
