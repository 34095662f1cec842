"""The range that costs the least squared error."""

import numpy as np

from xdn.graph import Array
from xdn.optimize.quantize.observer import OBSERVERS, HistogramObserver

#: Ranges that are tried: the largest magnitude, and each next one narrower by this factor, down to 1/256.
NARROWER = 2.0 ** (-1 / 16)
TRIED = 129


@OBSERVERS.register("mse")
class MeanSquaredError(HistogramObserver):
    """The range for which the values' mean squared error is smallest, that of clipped ones included.

    The source is Shin et al., "Fixed-point performance analysis of recurrent neural networks" (2016).
    """

    def choice(self) -> float:
        """argmin over r of sum (x - Q_r(x))^2."""
        tried = self.most * NARROWER ** np.arange(TRIED)
        return float(tried[np.argmin([self.error(reach) for reach in tried])])

    def error(self, reach: float) -> float:
        """Return the sum of the squared errors of magnitudes, spread evenly within each bin, at such a range.

        Over a bin from a to b, in steps s = reach / levels, it is count * s^3 / (b - a) * (F(b / s) - F(a / s)), F
        being the integral of (u - Q(u))^2.
        """
        used = self.histogram.used
        step = reach / self.levels
        integral = _integral(np.arange(used + 1) * (self.histogram.width / step), self.levels)
        return float(self.histogram.counts[:used] @ np.diff(integral)) * step**3 / self.histogram.width


def _integral(u: Array, levels: int) -> Array:
    """Return the integral from 0 to u of (t - Q(t))^2, Q(t) the nearest of 0, 1, ..., levels."""
    nearest = np.minimum(np.floor(u + 0.5), levels)
    return nearest / 12 + (u - nearest) ** 3 / 3
