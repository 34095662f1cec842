"""The whole range."""

from xdn.graph import Array
from xdn.optimize.quantize.observer import OBSERVERS, Observer


@OBSERVERS.register("min-max")
class MinMax(Observer):
    """All values, up to the largest magnitude: nothing is clipped."""

    def look(self, values: Array) -> None:
        """Nothing beyond the extremes, which every observer keeps."""

    def reach(self) -> float:
        """max |x|."""
        return self.most
