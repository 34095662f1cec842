"""The range of a usual image."""

from xdn.graph import Array
from xdn.optimize.quantize.observer import OBSERVERS, Observer

#: How much each further image counts.
SHARE = 0.01


@OBSERVERS.register("moving-average")
class MovingAverage(Observer):
    """Up to the moving average, over images, of their extremes.

    The source is Jacob et al., "Quantization and Training of Neural Networks" (2018), section 3.1, with images for
    steps of training: the average does not depend on the chunks in which images come.
    """

    def __init__(self) -> None:
        super().__init__()
        self._low = self._high = 0.0
        self._begun = False

    def look(self, values: Array) -> None:
        """a <- a + SHARE (extreme - a), image by image, from the first one's extremes on."""
        rows = values.reshape(len(values), -1)
        for low, high in zip(rows.min(axis=1).tolist(), rows.max(axis=1).tolist(), strict=True):
            share = SHARE if self._begun else 1.0
            self._low += share * (low - self._low)
            self._high += share * (high - self._high)
            self._begun = True

    def reach(self) -> float:
        """max(-average of the minima, average of the maxima)."""
        return max(-self._low, self._high)
