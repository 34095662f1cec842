"""The range that keeps the most information."""

import numpy as np

from xdn.graph import Array
from xdn.optimize.quantize.observer import OBSERVERS, HistogramObserver

#: Bins of the histogram from one range that is tried to the next.
STEP = 8


@OBSERVERS.register("entropy")
class Entropy(HistogramObserver):
    """The range at which the distribution of the values and that of their integers differ least (Kullback-Leibler).

    The source is Migacz, "8-bit Inference with TensorRT" (GTC 2017): P are the bins within the range, with what lies
    outside added to the last one; Q are the same bins, without what lies outside, as levels of equal width see them,
    each level's count spread over its bins that are not empty. Zeros are not counted: they would outweigh all else. The
    last bin is the last that is not empty: in a thin tail most are, and the divergence would be infinite there.
    """

    def choice(self) -> float:
        """argmin over ranges of sum P log(P / Q)."""
        counts = self.histogram.counts.astype(np.float64)
        levels, used = self.levels + 1, self.histogram.used
        tried = [*range(levels, used, STEP), used]
        found = [divergence(counts[:bins], counts[bins:].sum(), levels) for bins in tried]
        return float(tried[int(np.argmin(found))] * self.histogram.width)


def divergence(inside: Array, outside: float, levels: int) -> float:
    """Return sum P log(P / Q); infinite where no bin within the range counts anything.

    Parameters
    ----------
    inside : (bins,) f64
        Counts within a range.
    outside : float
        The count beyond it.
    levels : int
        Integers that stand for the range.
    """
    filled = np.flatnonzero(inside)
    if not filled.size:
        return float("inf")
    p = inside[filled]
    level = filled * levels // len(inside)
    total, bins = np.bincount(level, p), np.bincount(level)
    q = total[level] / bins[level]
    p[-1] += outside
    p, q = p / p.sum(), q / q.sum()
    return float((p * np.log(p / q)).sum())
