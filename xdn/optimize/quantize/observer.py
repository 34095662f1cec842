"""What an observer is: it looks at a blob's values on calibration images, and chooses the integers for them."""

from abc import ABC, abstractmethod
from math import isfinite

import numpy as np

from xdn.errors import DataError
from xdn.graph import Array
from xdn.graph.quantized import BITS, Quantized
from xdn.optimize.quantize.histogram import Histogram
from xdn.registry import Registry


class Observer(ABC):
    """A measure of the range that a blob's integers cover; the first line of the docstring is what `--list` prints.

    Attributes
    ----------
    smallest, largest : float
        The extremes of all values, and of 0.
    """

    def __init__(self) -> None:
        self.smallest = self.largest = 0.0
        self._bits = BITS

    def update(self, values: Array) -> None:
        """Look at the values (N, ...) of the next images."""
        if not values.size:
            return
        low, high = float(values.min()), float(values.max())
        if not (isfinite(low) and isfinite(high)):
            raise DataError("there are values that are not finite")
        self.smallest, self.largest = min(self.smallest, low), max(self.largest, high)
        self.look(values)

    @abstractmethod
    def look(self, values: Array) -> None:
        """Take in finite values (N, ...), N at least 1."""

    @abstractmethod
    def reach(self) -> float:
        """Return the magnitude for which the largest integer stands."""

    @property
    def signed(self) -> bool:
        """Whether negative values were seen."""
        return self.smallest < 0

    @property
    def levels(self) -> int:
        """The largest integer; of signed ones its negative stands for the same magnitude."""
        return (1 << self._bits - self.signed) - 1

    @property
    def most(self) -> float:
        """The largest magnitude."""
        return max(-self.smallest, self.largest)

    def quantized(self, bits: int = BITS) -> Quantized:
        """Return integers of so many bits, signed ones of 2 at least.

        Raises
        ------
        DataError
            Where all values were 0.
        ShapeError
            Where no f32 is their scale.
        """
        if self.most == 0:
            raise DataError("all values were 0")
        self._bits = max(bits, 1 + self.signed)
        return Quantized(float(np.float32(min(self.reach(), self.most) / self.levels)), self.signed, self._bits)


class HistogramObserver(Observer):
    """An observer that needs a histogram of the magnitudes."""

    def __init__(self) -> None:
        super().__init__()
        self.histogram = Histogram()

    def look(self, values: Array) -> None:
        """Count the values."""
        self.histogram.update(values)

    def reach(self) -> float:
        """The observer's choice; the largest magnitude where none of the values that the histogram samples is not 0."""
        return self.choice() if self.histogram.used else self.most

    @abstractmethod
    def choice(self) -> float:
        """Return the magnitude for which the largest integer stands, by the histogram, which is not empty."""


#: Every observer, by name.
OBSERVERS: Registry[type[Observer]] = Registry("calibration observer", "xdn.optimize.quantize.observers")
