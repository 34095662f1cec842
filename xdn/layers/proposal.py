"""Proposal: the regions that a region proposal network finds."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Shape, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, misfit, proto
from xdn.layers.boxes import Suppress, around, example_size, ranked, suppress
from xdn.layers.roipooling import REGION

_RATIOS, _SCALES = (0.5, 1.0, 2.0), (8.0, 16.0, 32.0)


@layer_type("Proposal")
class Proposal(CaffeLayer):
    """Proposal: decode the boxes around every position, drop small ones and those that overlap better ones.

    The bottoms are of one image: class probabilities (1, 2 * A, H, W), of which the second half is used, deltas
    (1, 4 * A, H, W), and (1, 3): height, width and scale of the image. The tops are regions (R, 5), and their scores
    (R, 1) where they are asked for; how many there are depends on the data. The source is proposal_layer.py of Faster
    R-CNN (Ren et al. 2015), with its settings for tests; files that name it as a Python layer become this one.
    """

    message = Message("ProposalParameter", "proposal_param", 2008)
    always_jumps = True  # Which boxes are left.

    feat_stride: int = proto(1, "uint32", default=16)
    base_size: int = proto(2, "uint32", default=16)
    min_size: int = proto(3, "uint32", default=16)
    ratio: tuple[float, ...] = proto(4, "float", default=(), repeated=True)
    scale: tuple[float, ...] = proto(5, "float", default=(), repeated=True)
    pre_nms_topn: int = proto(6, "uint32", default=6000)
    post_nms_topn: int = proto(7, "uint32", default=300)
    nms_thresh: float = proto(8, "float", default=0.7)

    def anchors(self) -> Array:
        """Return the boxes (A, 4) around the position at the origin, in pixels: for each ratio all scales."""
        ratios, scales = np.array(self.ratio or _RATIOS), np.array(self.scale or _SCALES)
        side = self.base_size
        widths = np.round(np.sqrt(side * side / ratios))
        heights = np.round(widths * ratios)
        half = (np.stack([np.outer(widths, scales).ravel(), np.outer(heights, scales).ravel()], axis=1) - 1) / 2
        return np.hstack([(side - 1) / 2 - half, (side - 1) / 2 + half])

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(R, 5) and (R, 1): R is the most regions that can be found."""
        if len(bottoms) != 3 or any(len(bottom.shape) != 4 for bottom in bottoms[:2]):
            raise misfit(bottoms, "probabilities, deltas and the image's size")
        count = len(self.ratio or _RATIOS) * len(self.scale or _SCALES)
        if not all(0 < number < np.inf for number in (*self.ratio, *self.scale, self.feat_stride, self.base_size)):
            raise ShapeError("a ratio, a scale, feat_stride or base_size is not positive")
        n, channels, h, w = bottoms[0].shape
        if channels != 2 * count or bottoms[1].shape != (n, 4 * count, h, w):
            shapes = f"{bottoms[0].shape} and {bottoms[1].shape}"
            raise ShapeError(f"bottoms of shapes {shapes}; {2 * count} and {4 * count} channels for {count} anchors")
        if n != 1 or bottoms[2].size < 3:
            raise ShapeError(f"{n} images and their size as {bottoms[2].shape}; it takes one image, and (1, 3)")
        if n_tops not in (1, 2):
            raise ShapeError(f"{n_tops} tops; it gives regions, and their scores")
        bounds = (self.pre_nms_topn, self.post_nms_topn)
        most = min((count * h * w, *(bound for bound in bounds if bound > 0)))
        return (Blob((most, REGION)), Blob((most, 1)))[:n_tops]

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Decode, clip, drop small boxes, sort, suppress; one region of zeros where none is left."""
        return self.proposed(bottoms, n_tops, suppress)

    def example(self, bottom: int, shape: Shape, image: Shape, rng: np.random.Generator) -> Array | None:
        """The image's size, and 1 for its scale."""
        return example_size(bottom, shape, image)

    def proposed(self, bottoms: Arrays, n_tops: int, suppress: Suppress) -> tuple[Array, ...]:
        """Return the tops; `suppress` picks boxes as `xdn.layers.boxes.suppress` does."""
        deltas, (height, width, scale) = bottoms[1][0], bottoms[2].ravel()[:3]
        h, w = deltas.shape[1:]
        anchors = self.anchors()
        scores = bottoms[0][0, len(anchors) :].transpose(1, 2, 0).ravel()
        deltas = deltas.transpose(1, 2, 0).reshape(-1, 4)
        x, y = np.meshgrid(np.arange(w) * self.feat_stride, np.arange(h) * self.feat_stride)
        shifts = np.stack([x, y, x, y], axis=-1).reshape(-1, 1, 4)
        anchors = (anchors + shifts).reshape(-1, 4).astype(np.float32)
        sizes = anchors[:, 2:] - anchors[:, :2] + 1
        boxes = around(anchors[:, :2] + sizes / 2, sizes, deltas)
        boxes = np.maximum(np.minimum(boxes, np.array([width, height] * 2, np.float32) - 1), 0)
        sizes = boxes[:, 2:] - boxes[:, :2] + 1
        large = (sizes >= np.float32(self.min_size) * scale).all(axis=1)
        order = ranked(scores, large)[: self.pre_nms_topn or None]
        kept = order[suppress(boxes[order], self.nms_thresh, unit=1)][: self.post_nms_topn or None]
        regions = np.zeros((max(1, len(kept)), REGION), np.float32)
        found = np.zeros((len(regions), 1), np.float32)
        regions[: len(kept), 1:], found[: len(kept), 0] = boxes[kept], scores[kept]
        return (regions, found)[:n_tops]
