"""CombineRegressions: coordinates of places, from the class of each and what that class adds."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, misfit, proto


@layer_type("CombineRegressions")
class CombineRegressions(CaffeLayer):
    """CombineRegressions: (class + r - 1) / (K - 1), where r is channel `class` of the K; -1 where that is below 0.

    The bottoms are two maps of classes (N, 1, H, W) and a map (N, K, H, W) for each; the tops are the two coordinates.
    Class 0 has no r. Without `residual` the coordinate is r alone, from 0 to 1. The source is CombineRegressions.py of
    DenseReg (Güler et al. 2017), and CombineRegressionsHuman.py, which takes one image.
    """

    message = Message("CombineRegressionsParameter", "combine_regressions_param", 2083)
    fixed_because = "takes channels by number"
    always_jumps = True  # From one class to the next.

    residual: bool = proto(1, "bool", default=True)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, 1, H, W) for each coordinate that has a top."""
        takes = "two maps of classes (N, 1, H, W) and two (N, K, H, W)"
        if len(bottoms) != 4 or n_tops > 2 or any(len(bottom.shape) != 4 for bottom in bottoms):
            raise misfit(bottoms, takes)
        n, _, h, w = bottoms[0].shape
        for classes, added in zip(bottoms[:2], bottoms[2:], strict=True):
            if classes.shape != (n, 1, h, w) or (added.shape[0], *added.shape[2:]) != (n, h, w):
                raise misfit(bottoms, takes)
            if added.shape[1] < 2:
                raise ShapeError("one class; there is another beside the background")
        return (Blob((n, 1, h, w)),) * max(1, n_tops)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """In f64, as NumPy computes there."""
        pairs = list(zip(bottoms[:2], bottoms[2:], strict=True))
        return tuple(self._coordinate(*pair) for pair in pairs[: max(1, n_tops)])

    def _coordinate(self, classes: Array, added: Array) -> Array:
        """Return one coordinate (N, 1, H, W)."""
        count = added.shape[1]
        known = (classes >= 1) & (classes < count) & (classes == np.trunc(classes))
        number = np.where(known, classes, 0).astype(np.int64)
        own = np.where(known, np.take_along_axis(added, number, axis=1), 0).astype(np.float64)
        if not self.residual:
            return own.clip(0, 1).astype(np.float32)
        with np.errstate(invalid="ignore"):
            whole: Array = (classes + own - 1) / (count - 1)
        return np.where(whole < 0, -1, whole).astype(np.float32)
