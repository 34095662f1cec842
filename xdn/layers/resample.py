"""Resample: images of another size, each place a weighted mean of those around it, or the nearest."""

import numpy as np

from xdn.errors import UnsupportedError
from xdn.graph import Array, Blobs
from xdn.layers.base import Message, layer_type, proto
from xdn.layers.resampling import Resampling, shares, stated_size
from xdn.layers.roipooling import rounded


@layer_type("Resample")
class Resample(Resampling):
    """Resample: to `height` x `width`, or the size of a second bottom; the NEAREST place, or LINEAR or CUBIC means.

    With `antialias` the means are taken over as many places as become one, where one axis shrinks. The middles of
    places count, but along each axis half of the *other* axis' factor is added to them, as in resample_layer.cu of
    FlowNet2 (Ilg et al. 2017), which is the source; where the factors differ, images move a little by that. `kind` is
    called `type` there.
    """

    message = Message("ResampleParameter", "resample_param", 2082)

    width: int = proto(1, "uint32", default=0)
    height: int = proto(2, "uint32", default=0)
    antialias: bool = proto(4, "bool", default=True)
    kind: str = proto(2000, "enum", default="LINEAR", values={"NEAREST": 1, "LINEAR": 2, "CUBIC": 3, "AREA": 4})

    def size(self, bottoms: Blobs) -> tuple[int, int]:
        """Return `height` and `width`, or those of a second bottom."""
        if self.kind == "AREA":
            raise UnsupportedError("type: AREA, which its Caffe refuses, too", mend="Known: NEAREST, LINEAR, CUBIC")
        return stated_size(bottoms, self.height, self.width)

    def laid_out(self, bottoms: Blobs) -> tuple[Array, Array]:
        """Return the matrices (P, H) and (Q, W), f32, that say how much each row, and column, gives to each."""
        (h, w), size = bottoms[0].shape[2:], self.size(bottoms)
        by = [np.float32(old) / np.float32(new) for old, new in zip((h, w), size, strict=True)]
        widen = self.antialias and bool(max(by) > 1)
        rows = self._weights(h, size[0], by[0], by[1], widen)
        return rows, self._weights(w, size[1], by[1], by[0], widen)

    def _weights(self, size: int, wanted: int, factor: np.float32, other: np.float32, widen: bool) -> Array:
        """Return the weights (wanted, size) along an axis; of places far beyond it, none."""
        half = np.float32(0.5)
        at = np.arange(wanted, dtype=np.float32) * factor + other * half - half
        if self.kind == "NEAREST":
            nearest = rounded(at).clip(0, size - 1)
            chosen: Array = nearest[:, None] == np.arange(size)
            return chosen.astype(np.float32)
        apart = np.abs(at[:, None] - np.arange(size, dtype=np.float32)) / (factor if widen else np.float32(1))
        weights = np.maximum(1 - apart, 0) if self.kind == "LINEAR" else _cubic(apart)
        return shares(weights)


def _cubic(apart: Array) -> Array:
    """Return the weights of Keys' cubic (a = -1/2) for how far places are apart."""
    near = apart * apart * (np.float32(1.5) * apart - np.float32(2.5)) + 1
    far = apart * (apart * (np.float32(-0.5) * apart + np.float32(2.5)) - 4) + 2
    return np.where(apart <= 1, near, np.where(apart < 2, far, np.float32(0)))
