"""ClusterDetections: DetectNet's predictions as a list of boxes, grouped by likeness."""

from collections.abc import Iterator
from math import log

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, misfit, proto

#: What a box is told by: xmin, ymin, xmax, ymax, and the logarithm of how many it stands for.
_COLUMNS = 5
#: Of so many boxes a group may lie within another that is greater.
_FEW = 3


@layer_type("ClusterDetections")
class ClusterDetections(CaffeLayer):
    """ClusterDetections: (N, max_boxes, 5) a class: corners in pixels and a confidence, zeros after the last box.

    The bottoms are coverage (N, classes, H, W) and boxes (N, 4, H, W), whose corners count from their grid cells. Cells
    of at least `gridbox_cvg_threshold` have a box; those that are alike become one, which counts if more than
    `gridbox_rect_thresh` are, and if it is `min_height` high. The source is clustering.py of NVIDIA's Caffe, which
    rounds what it finds to f16, and groupRectangles of OpenCV's cascadedetect.cpp, which it calls. To that function it
    gives the corners as if they were a corner and a size.
    """

    message = Message("ClusterDetectionsParameter", "cluster_detections_param", 2078)
    fixed_because = "has boxes for each class"
    always_jumps = True  # Which boxes are alike.

    image_size_x: int = proto(1, "int32", default=0)
    image_size_y: int = proto(2, "int32", default=0)
    stride: int = proto(3, "int32", default=0)
    gridbox_cvg_threshold: float = proto(4, "float", default=0.0)
    gridbox_rect_thresh: int = proto(5, "int32", default=0)
    gridbox_rect_eps: float = proto(6, "float", default=0.0)
    min_height: int = proto(7, "int32", default=0)
    num_classes: int = proto(8, "int32", default=1)
    max_boxes: int = proto(9, "int32", default=50)

    def _grid(self) -> tuple[int, int]:
        """Return how many rows and columns of cells an image has; ShapeError where it has none."""
        sizes = (self.image_size_y, self.image_size_x)
        if self.stride < 1 or min(sizes) < self.stride:
            raise ShapeError(f"an image of {sizes[1]}x{sizes[0]} with stride {self.stride} has no cells")
        return sizes[0] // self.stride, sizes[1] // self.stride

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, max_boxes, 5) for each class."""
        takes = f"coverage (N, {self.num_classes}, H, W) and boxes (N, 4, H, W)"
        if len(bottoms) != 2 or any(len(bottom.shape) != 4 for bottom in bottoms):
            raise misfit(bottoms, takes)
        n, classes, *cells = bottoms[0].shape
        if classes != self.num_classes or bottoms[1].shape != (n, 4, *cells):
            raise misfit(bottoms, takes)
        if n_tops not in (1, classes):
            raise ShapeError(f"{n_tops} tops for {classes} classes")
        if self.max_boxes < 1 or not 0 <= self.gridbox_rect_eps < np.inf:
            raise ShapeError(f"max_boxes {self.max_boxes} and gridbox_rect_eps {self.gridbox_rect_eps}")
        self._grid()
        return (Blob((n, self.max_boxes, _COLUMNS)),) * max(1, n_tops)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Class by class, image by image."""
        coverage, boxes = bottoms
        tops = np.zeros((max(1, n_tops), len(coverage), self.max_boxes, _COLUMNS), np.float32)
        for label, top in enumerate(tops):
            for image, rows in enumerate(top):
                found = self._found(coverage[image, label], boxes[image])[: self.max_boxes]
                # Rounded as the layer's Python code rounds them.
                rows[: len(found)] = np.array(found, np.float16).reshape(-1, _COLUMNS)
        return tuple(tops)

    def _found(self, coverage: Array, boxes: Array) -> list[list[float]]:
        """Return the boxes of one class in one image, (H, W) and (4, H, W), as rows."""
        height, width = self._grid()
        # Its code cuts rows twice, and columns never.
        ys, xs = np.nonzero(coverage[: min(height, width)] >= np.float32(self.gridbox_cvg_threshold))
        cells = np.stack([xs * (self.image_size_x // width), ys * (self.image_size_y // height)] * 2, axis=1)
        corners = boxes[:, ys, xs].T.astype(np.float64) + cells
        if not np.nan_to_num(corners).any():
            return []
        groups = grouped(_integers(corners), self.gridbox_rect_thresh, self.gridbox_rect_eps)
        return [[*box, log(count)] for box, count in groups if box[3] - box[1] >= self.min_height]


def _integers(corners: Array) -> Array:
    """Return integers of 32 bits: what follows the point cut off."""
    bounds = np.iinfo(np.int32)
    whole: Array = np.trunc(np.nan_to_num(corners)).clip(bounds.min, bounds.max).astype(np.int64)
    return whole


def grouped(rectangles: Array, threshold: int, eps: float) -> list[tuple[list[int], int]]:
    """Return rectangles and how many each stands for: OpenCV's groupRectangles.

    Two are alike where no side is further apart than `eps` times the mean of the smaller width and height, and so are
    those that others between make alike.

    Parameters
    ----------
    rectangles : (R, 4) int
        x, y, width and height.
    threshold : int
        Those that stand for no more are left out; 0 takes all rectangles as they are.
    eps : float
    """
    if threshold <= 0:
        return [(row, 1) for row in rectangles.tolist()]
    labels = _labelled(rectangles, eps)
    counts = np.bincount(labels)
    means = [_mean(rectangles[labels == label], count) for label, count in enumerate(counts)]
    many = [(mean, int(count)) for mean, count in zip(means, counts, strict=True) if count > threshold]
    return [
        (ours.tolist(), count)
        for i, (ours, count) in enumerate(many)
        if not any(_lies_in(ours, count, theirs, eps) for j, theirs in enumerate(many) if i != j)
    ]


def _mean(rectangles: Array, count: int) -> Array:
    """Return the mean of rectangles (R, 4), each number rounded, halves to the even one."""
    mean: Array = np.rint(rectangles.sum(axis=0).astype(np.float32) * (np.float32(1) / np.float32(count)))
    return mean.astype(np.int64)


def _labelled(rectangles: Array, eps: float) -> Array:
    """Return the group (R,) of each rectangle, numbered by their first ones."""
    begins, ends = rectangles[:, :2], rectangles[:, :2] + rectangles[:, 2:]
    labels = np.full(len(rectangles), -1)
    for label, first in enumerate(_unlabelled(labels)):
        labels[first], waiting = label, [first]
        while waiting:
            one = waiting.pop()
            nearest = eps * 0.5 * np.minimum(rectangles[one, 2:], rectangles[:, 2:]).sum(axis=1)
            apart = np.maximum(np.abs(begins - begins[one]), np.abs(ends - ends[one])).max(axis=1)
            alike = np.flatnonzero((apart <= nearest) & (labels < 0))
            labels[alike] = label
            waiting.extend(alike.tolist())
    return labels


def _unlabelled(labels: Array) -> Iterator[int]:
    """Yield the first element without a label, again and again, until all have one."""
    for index in range(len(labels)):
        if labels[index] < 0:
            yield index


def _lies_in(ours: Array, count: int, other: tuple[Array, int], eps: float) -> bool:
    """Return whether a mean of `count` rectangles lies within a mean of more, or is one of very few."""
    theirs, more = other
    slack = np.rint(theirs[2:] * eps).astype(np.int64)
    within = (ours[:2] >= theirs[:2] - slack) & (ours[:2] + ours[2:] <= theirs[:2] + theirs[2:] + slack)
    return bool(within.all()) and (more > max(_FEW, count) or count < _FEW)
