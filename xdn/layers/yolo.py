"""What the outputs of YOLO detectors share: predictions of cells become boxes, of which the best are listed."""

from abc import abstractmethod

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, misfit
from xdn.layers.boxes import Suppress, ranked, suppress

#: What a found box is told by: image, class, confidence, xmin, ymin, xmax, ymax.
_COLUMNS = 7
#: What precedes the classes of a prediction: x, y, width, height, objectness.
BEFORE_CLASSES = 5


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x))."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-x)))


class YoloOutput(CaffeLayer):
    """Base of the layers that list YOLO's boxes.

    The bottoms are maps (N, boxes * (5 + classes), H, W). The top (1, 1, found, 7) has a row a box, best first: image,
    class (the first is 1), confidence, and corners as fractions of the image. A box goes where it overlaps a better
    one, of whatever class, by `nms_threshold` or more. Nothing found gives one row of -1 an image. The forks write 0 as
    the image of every row, and suppress across the images of a batch; here each image has its own.
    """

    always_jumps = True  # Which boxes are left.

    num_classes: int
    num_box: int
    nms_threshold: float

    @abstractmethod
    def candidates(self, maps: Arrays) -> tuple[Array, Array, Array, Array]:
        """Return of one image's maps (boxes, 5 + classes, H, W), f32, the boxes that count.

        Returns
        -------
        scores, labels, corners, chosen : (M,), (M,), (M, 4), (M,) bool
            M candidates, and which of them are likely enough.
        """

    @abstractmethod
    def check(self, bottoms: Blobs) -> None:
        """Raise ShapeError where parameters do not fit the bottoms."""

    @property
    def per_box(self) -> int:
        """How many candidates a box makes."""
        return 1

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(1, 1, most, 7): as many rows as can be found, at most."""
        if not bottoms or any(len(bottom.shape) != 4 for bottom in bottoms):
            raise misfit(bottoms, "maps (N, boxes * (5 + classes), H, W)")
        if self.num_classes < 1 or self.num_box < 1 or not self.nms_threshold >= 0:
            what = f"num_classes {self.num_classes}, num_box {self.num_box}, nms_threshold {self.nms_threshold}"
            raise ShapeError(f"{what}; the first two are positive, the last one is not negative")
        channels = self.num_box * (BEFORE_CLASSES + self.num_classes)
        if any(bottom.shape[0] != bottoms[0].shape[0] or bottom.shape[1] != channels for bottom in bottoms):
            raise misfit(bottoms, f"as many images each, and {channels} channels")
        self.check(bottoms)
        cells = sum(bottom.image_size // (BEFORE_CLASSES + self.num_classes) for bottom in bottoms)
        return (Blob((1, 1, bottoms[0].shape[0] * cells * self.per_box, _COLUMNS)),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Image by image."""
        return self.detected(bottoms, suppress)

    def detected(self, bottoms: Arrays, suppress: Suppress) -> tuple[Array, ...]:
        """Return the top; `suppress` picks boxes as `xdn.layers.boxes.suppress` does."""
        parts = BEFORE_CLASSES + self.num_classes
        rows = []
        for image in range(len(bottoms[0])):
            maps = [b[image].reshape(self.num_box, parts, *b.shape[2:]) for b in bottoms]
            scores, labels, corners, chosen = self.candidates(maps)
            order = ranked(scores, chosen)
            # An overlap as large as the threshold is too large here; `suppress` allows it.
            kept = order[suppress(corners[order], float(np.nextafter(np.float32(self.nms_threshold), np.float32(-1))))]
            found = [np.full(len(kept), image), labels[kept] + 1, scores[kept], *corners[kept].T]
            rows.append(np.stack(found, axis=1).astype(np.float32))
        listed = np.concatenate(rows)
        if not len(listed):
            listed = np.full((len(bottoms[0]), _COLUMNS), -1, np.float32)
            listed[:, 0] = np.arange(len(listed))
        return (listed[None, None],)

    def corners(self, x: Array, y: Array, scaled: tuple[Array, Array], anchors: Array) -> Array:
        """Return corners (boxes, H, W, 4) as fractions of an image.

        Parameters
        ----------
        x, y : (boxes, H, W)
            Where a box's middle is in its cell, from 0 to 1.
        scaled : (boxes, H, W) twice
            Logarithms of width and height, relative to those of `anchors`.
        anchors : (boxes, 2)
            Width and height, as fractions of the image.
        """
        h, w = x.shape[1:]
        middle_x, middle_y = (np.arange(w) + x) / w, (np.arange(h)[:, None] + y) / h
        with np.errstate(over="ignore", invalid="ignore"):
            half_w, half_h = (np.exp(s) * a[:, None, None] / 2 for s, a in zip(scaled, anchors.T, strict=True))
            found = [middle_x - half_w, middle_y - half_h, middle_x + half_w, middle_y + half_h]
        return np.stack(found, axis=-1).astype(np.float32)
