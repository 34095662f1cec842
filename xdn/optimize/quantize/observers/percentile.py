"""The range without the rarest values."""

from xdn.optimize.quantize.observer import OBSERVERS, HistogramObserver

#: The share of the values other than 0 that are not clipped.
SHARE = 0.9999


@OBSERVERS.register("percentile")
class Percentile(HistogramObserver):
    """All but one in ten thousand of the values that are not 0.

    The source is McKinstry et al., "Discovering Low-precision Networks Close to Full-precision Networks" (2019).
    """

    def choice(self) -> float:
        """The percentile of |x|; within a bin of the histogram values are taken to be spread evenly."""
        counts = self.histogram.counts
        below = counts.cumsum()
        rank = SHARE * below[-1]
        at = int(below.searchsorted(rank))
        return float((at + 1 - (below[at] - rank) / counts[at]) * self.histogram.width)
