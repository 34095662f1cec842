"""PriorBox: the boxes that SSD's predictions are relative to."""

import math
from bisect import bisect, insort

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Blob, Blobs
from xdn.layers.base import layer_type, proto
from xdn.layers.priors import Box, Priors

#: Aspect ratios that differ by less are one.
_SAME_RATIO = 1e-6
#: No file has more than a few; the time of `ratios` grows with their square.
_MOST_RATIOS = 1 << 10
#: Side of a square in FaceBoxes -> how often it stands along each axis, and how far apart; others stand once.
_DENSIFIED = {32: (4, 8.0), 64: (2, 16.0)}
_ONCE = (1, 0.0)


@layer_type("PriorBox")
class PriorBox(Priors):
    """PriorBox: boxes of several sizes and aspect ratios around each position of the first bottom.

    The second bottom is the image; of both only the shapes count. The top (1, 2, H*W*boxes*4) holds corners as
    fractions of the image, then the variances. The source is prior_box_layer.cpp of the SSD branch of Caffe (Liu et
    al. 2016). FaceBoxes (Zhang et al. 2017) has a PriorBox of its own, whose boxes are `densified`: squares of 32 and
    64 pixels stand 4 x 4 and 2 x 2 times around a position, and all squares are a pixel smaller. In TextBoxes++
    (Liao et al. 2018) each of `denser_prior_boxes` stands a second time, below the position by a whole step.
    """

    min_size: tuple[float, ...] = proto(1, "float", default=(), repeated=True)
    max_size: tuple[float, ...] = proto(2, "float", default=(), repeated=True)
    aspect_ratio: tuple[float, ...] = proto(3, "float", default=(), repeated=True)
    flip: bool = proto(4, "bool", default=True)
    densified: bool = proto(2000, "bool", default=False)
    denser_prior_boxes: bool = proto(2001, "bool", default=False)

    def ratios(self) -> list[float]:
        """Return the aspect ratios: 1, then those given, each with its inverse with `flip`, none twice."""
        found = [1.0]
        ascending = [1.0]
        for ratio in self.aspect_ratio:
            at = bisect(ascending, ratio)
            # The nearest are its neighbours: a file may state any number of ratios.
            if all(abs(ratio - known) >= _SAME_RATIO for known in ascending[max(at - 1, 0) : at + 1]):
                for new in (ratio, 1 / ratio) if self.flip else (ratio,):
                    found.append(new)
                    insort(ascending, new)
        return found

    def boxes(self) -> list[Box]:
        """Return the boxes around one position, in Caffe's order; Caffe holds minimal and maximal sizes as integers."""
        found, ratios = [], self.ratios()[1:]
        for number, given in enumerate(self.min_size):
            least = int(given)
            found += self._squares(least)
            if self.max_size:
                side = math.sqrt(least * int(self.max_size[number]))
                found.append((0.0, 0.0, side, side))
            for ratio in ratios:
                found.append((0.0, 0.0, least * math.sqrt(ratio), least / math.sqrt(ratio)))
        return found

    def around(self, step_h: float) -> tuple[Array, Array]:
        """Each box a second time, with `denser_prior_boxes`."""
        away, sizes = super().around(step_h)
        if self.denser_prior_boxes:
            away, sizes = away.repeat(2, axis=0), sizes.repeat(2, axis=0)
            away[1::2, 1] += (1 - self.offset) * step_h
        return away, sizes

    def _squares(self, side: int) -> list[Box]:
        """Return the square boxes of a minimal size."""
        if not self.densified:
            return [(0.0, 0.0, float(side), float(side))]
        times, apart = _DENSIFIED.get(side, _ONCE)
        away = [(place - times // 2) * apart for place in range(times)]
        return [(x, y, side - 1.0, side - 1.0) for y in away for x in away]

    def _check(self, bottoms: Blobs) -> None:
        self.check_grid(bottoms)
        numbers = (*self.min_size, *self.max_size, *self.aspect_ratio, *self.variance)
        if len(self.aspect_ratio) > _MOST_RATIOS:
            raise ShapeError(f"{len(self.aspect_ratio)} aspect_ratio; at most {_MOST_RATIOS} are taken")
        if not self.min_size or not all(0 < number < np.inf for number in numbers):
            raise ShapeError("min_size is missing, or a size, aspect_ratio or variance is not positive")
        if self.max_size and len(self.max_size) != len(self.min_size):
            raise ShapeError(f"{len(self.max_size)} max_size for {len(self.min_size)} min_size; give as many, or none")

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(1, 2, H * W * boxes * 4), whatever the batch."""
        self._check(bottoms)
        boxes = len(self.min_size) * len(self.ratios()) + len(self.max_size)
        boxes += sum(_DENSIFIED.get(int(side), _ONCE)[0] ** 2 - 1 for side in self.min_size) if self.densified else 0
        _, _, h, w = bottoms[0].shape
        return (Blob((1, 2, h * w * boxes * 4 * (1 + self.denser_prior_boxes))),)
