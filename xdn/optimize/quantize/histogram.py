"""How often which magnitudes occur in a stream of values: the same counts in whatever chunks the values come."""

from math import frexp, gcd

import numpy as np

from xdn.element import real
from xdn.graph import Array

#: Bins, a power of two; more than half of them lie below the largest magnitude.
BINS = 4096
#: Values of an image that are counted, spread evenly; of smaller images all are.
VALUES = 1 << 14
#: Magnitudes below two to this power share a bin: no scale is as small.
_LEAST_EXPONENT = -100


class Histogram:
    """Counts of the magnitudes of values in `BINS` bins from 0 on, as wide as the largest magnitude asks for.

    A bin's width is a power of two. Where a larger magnitude comes, bins merge, 2, 4, 8, ... to one, into those of the
    next width that holds it: which values a bin counts follows from the largest magnitude alone, and not from the order
    in which values came.

    Attributes
    ----------
    counts : (BINS,) int64
        Values in each bin; of zeros none.
    zeros : int
        Values that are 0: after a ReLU about half of all, which any scale keeps.
    """

    def __init__(self) -> None:
        self.counts = np.zeros(BINS, np.int64)
        self.zeros = 0
        self._exponent = _LEAST_EXPONENT

    @property
    def width(self) -> float:
        """The width of a bin."""
        return 2.0**self._exponent / BINS

    @property
    def used(self) -> int:
        """The bins up to the last that counts something."""
        filled = np.flatnonzero(self.counts)
        return int(filled[-1]) + 1 if filled.size else 0

    def update(self, values: Array) -> None:
        """Count the finite values (N, ...) of some images."""
        magnitudes = np.abs(_sampled(values))
        self._widen(frexp(float(magnitudes.max(initial=0.0)))[1])
        # Exact, for the factor is a power of two.
        places = (magnitudes * real(1 / self.width)).astype(np.intp)
        zeros = places.size - int(np.count_nonzero(magnitudes))
        self.counts += np.bincount(places, minlength=BINS)
        self.counts[0] -= zeros
        self.zeros += zeros

    def _widen(self, exponent: int) -> None:
        """Merge bins until they hold magnitudes below two to the power `exponent`."""
        steps = min(exponent - self._exponent, BINS.bit_length() - 1)
        if steps > 0:
            merged = self.counts.reshape(-1, 1 << steps).sum(axis=1)
            self.counts = np.pad(merged, (0, BINS - len(merged)))
            self._exponent = exponent


def _sampled(values: Array) -> Array:
    """Return `VALUES` values of each image at most, one after another."""
    rows = values.reshape(len(values), -1)
    size = max(rows.shape[1], 1)
    step = -(-size // VALUES)
    # Without a common factor all rows, columns and channels get their turn.
    while gcd(step, size) > 1 and step > 1:
        step += 1
    return rows[:, ::step].ravel()
