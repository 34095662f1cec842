"""NonMaxSuppression: of boxes, and a score of each for every class, those that no better one of the class overlaps."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, misfit, proto
from xdn.layers.boxes import Suppress, ranked, suppress

#: Below every number: what a score is above where no threshold is stated.
_ANY = -3.4028234663852886e38


@layer_type("NonMaxSuppression")
class NonMaxSuppression(CaffeLayer):
    """NonMaxSuppression: rows (image, class, number of the box), the boxes of a class best first.

    The bottoms are boxes (N, M, 4) and scores (N, C, M). A box is two corners (y, x, y, x) that lie across, or with
    `center_point_box` a centre and a size (x, y, w, h). How many rows there are depends on the data; where there would
    be none, there is one of -1. The layer is ours, for what ONNX models compute.
    """

    message = Message("NonMaxSuppressionParameter", "non_max_suppression_param", 2106)
    fixed_because = "counts on which boxes are left"
    always_jumps = True  # Which boxes are left.

    max_output_boxes_per_class: int = proto(1, "uint32", default=0)
    iou_threshold: float = proto(2, "float", default=0.0)
    score_threshold: float = proto(3, "float", default=_ANY)
    center_point_box: bool = proto(4, "bool", default=False)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N * C * boxes of a class, 3), as many as can be left at most."""
        takes = "boxes (N, M, 4) and scores (N, C, M)"
        if len(bottoms) != 2 or any(len(bottom.shape) != 3 for bottom in bottoms):
            raise misfit(bottoms, takes)
        (images, count, four), (n, classes, m) = (bottom.shape for bottom in bottoms)
        if (images, count, four) != (n, m, 4):
            raise ShapeError(f"boxes of shape {bottoms[0].shape} and scores of shape {bottoms[1].shape}")
        if self.max_output_boxes_per_class < 0:
            raise ShapeError(f"max_output_boxes_per_class {self.max_output_boxes_per_class}; it is not negative")
        return (Blob((max(1, n * classes * min(self.max_output_boxes_per_class, count)), 3)),)

    def joins_images(self, bottoms: Blobs) -> bool:
        """All images give rows of one top."""
        return True

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Image by image, class by class."""
        return self.detected(bottoms, suppress)

    def detected(self, bottoms: Arrays, suppress: Suppress) -> tuple[Array, ...]:
        """Return the rows, by a way to suppress boxes."""
        boxes, scores = bottoms
        found = []
        for image, classes in enumerate(scores):
            corners = self._corners(boxes[image])
            for number, each in enumerate(classes):
                order = ranked(each, each > np.float32(self.score_threshold))
                kept = order[suppress(corners[order], self.iou_threshold)][: self.max_output_boxes_per_class]
                found.append(np.stack([np.full_like(kept, image), np.full_like(kept, number), kept], axis=1))
        rows = np.concatenate(found).astype(np.float32)
        return (rows if len(rows) else np.full((1, 3), -1, np.float32),)

    def _corners(self, boxes: Array) -> Array:
        """Return boxes (M, 4) as two corners, the first one the lower in both axes."""
        first, second = boxes[:, :2], boxes[:, 2:]
        if self.center_point_box:
            return np.hstack([first - second / 2, first + second / 2])
        return np.hstack([np.minimum(first, second), np.maximum(first, second)])
