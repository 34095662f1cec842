"""BoxOutput: the regions that a network of several scales proposes."""

from collections.abc import Sequence

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, misfit, proto
from xdn.layers.boxes import ranked, suppress
from xdn.layers.roipooling import REGION

#: What stands for the regions where none was found.
_NONE = (0, 1, 1, 10, 10)


@layer_type("BoxOutput")
class BoxOutput(CaffeLayer):
    """BoxOutput: decode the boxes of every position of every bottom, and suppress those that overlap better ones.

    Each bottom is a scale, (N, K + 4, H, W): K scores, the background's first, then how far the middle of a `field_w`
    x `field_h` box is moved, in its sizes, and the logarithms of how much it grows, all within bounds that `field_xyr`
    and `field_whr` set. The tops are regions (R, 5, 1, 1), and the same with their scores (R, 6, 1, 1), where these are
    asked for; how many there are depends on the data. `bbox_mean` and `bbox_std` stand in a message of their own,
    `bbox_reg_param`. The source is box_output_layer.cpp of MS-CNN (Cai et al. 2016).
    """

    message = Message("BoxOutputParameter", "box_output_param", 2216)
    always_jumps = True  # Which boxes are left.

    fg_thr: float = proto(1, "float", default=0.0)
    iou_thr: float = proto(2, "float", default=0.5)
    nms_type: str = proto(3, "string", default="IOU")
    field_h: tuple[int, ...] = proto(4, "uint32", default=(), repeated=True)
    field_w: tuple[int, ...] = proto(5, "uint32", default=(), repeated=True)
    downsample_rate: tuple[int, ...] = proto(6, "uint32", default=(), repeated=True)
    field_whr: float = proto(7, "float", default=2.0)
    field_xyr: float = proto(8, "float", default=2.0)
    max_nms_num: int = proto(9, "uint32", default=0)
    max_post_nms_num: int = proto(10, "uint32", default=0)
    min_size: float = proto(11, "float", default=15.0)
    bbox_mean: tuple[float, ...] = proto(2000, "float", default=(), repeated=True)
    bbox_std: tuple[float, ...] = proto(2001, "float", default=(), repeated=True)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(R, 5, 1, 1) and (R, 6, 1, 1): R is the most regions that can be found."""
        shapes = [bottom.shape for bottom in bottoms]
        if not shapes or any(len(shape) != 4 or shape[:2] != shapes[0][:2] for shape in shapes) or shapes[0][1] < 6:
            raise misfit(bottoms, "scales (N, K + 4, H, W) of two classes or more")
        fields = (self.field_h, self.field_w, self.downsample_rate)
        if any(len(each) != len(shapes) or min(each) < 1 for each in fields):
            raise ShapeError(f"field_h, field_w and downsample_rate {fields}; each has a positive number a bottom")
        if not (1 < self.field_whr < np.inf and 0 < self.field_xyr < np.inf):
            raise ShapeError(f"field_whr {self.field_whr} is not above 1, or field_xyr {self.field_xyr} not positive")
        if (len(self.bbox_mean), len(self.bbox_std)) not in ((0, 0), (4, 4)):
            raise ShapeError(f"{len(self.bbox_mean)} bbox_mean and {len(self.bbox_std)} bbox_std; give four, or none")
        if self.nms_type != "IOU":
            raise UnsupportedError(f"nms_type {self.nms_type!r}", mend="Known: IOU")
        if n_tops not in (1, 2):
            raise ShapeError(f"{n_tops} tops; it gives regions, and these with their scores")
        bounds = (bound for bound in (self.max_nms_num, self.max_post_nms_num) if bound > 0)
        most = shapes[0][0] * min((sum(shape[2] * shape[3] for shape in shapes), *bounds))
        return (Blob((most, REGION, 1, 1)), Blob((most, REGION + 1, 1, 1)))[:n_tops]

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Image by image; one region of its own where none is left."""
        found = [self._of_image(n, [bottom[n] for bottom in bottoms]) for n in range(len(bottoms[0]))]
        rows = np.concatenate(found).astype(np.float32)
        regions = rows[:, :REGION] if len(rows) else np.array([_NONE], np.float32)
        scored = rows if len(rows) else np.zeros((1, REGION + 1), np.float32)
        return tuple(each.reshape(*each.shape, 1, 1) for each in (regions, scored)[:n_tops])

    def _of_image(self, number: int, scales: Sequence[Array]) -> Array:
        """Return (R, 6): the image's number, corners and score of what is left of one image, best first."""
        decoded = [self._decoded(scale, place) for place, scale in enumerate(scales)]
        boxes, scores = (np.concatenate(parts) for parts in zip(*decoded, strict=True))
        order = ranked(scores, np.ones(len(scores), bool))[: self.max_nms_num or None]
        kept = order[suppress(boxes[order], self.iou_thr)][: self.max_post_nms_num or None]
        return np.column_stack([np.full(len(kept), number), boxes[kept], scores[kept]])

    def _decoded(self, scale: Array, place: int) -> tuple[Array, Array]:
        """Return the corners (M, 4) and scores (M,) of a scale (K + 4, H, W) that are good and large enough."""
        h, w = scale.shape[1:]
        rate = self.downsample_rate[place]
        field = np.array([self.field_w[place], self.field_h[place]], np.float32)
        scores = scale[1:-4].max(axis=0).ravel() - scale[0].ravel()
        coded = scale[-4:].reshape(4, -1).T
        if self.bbox_mean:
            coded = coded * np.array(self.bbox_std, np.float32) + np.array(self.bbox_mean, np.float32)
        bound, growth = np.float32(1 / self.field_xyr), np.log(np.float32(self.field_whr))
        middles = (np.indices((h, w))[::-1].reshape(2, -1).T + np.float32(0.5)) * rate
        centres = coded[:, :2].clip(-bound, bound) * field + middles
        sizes = np.exp(coded[:, 2:].clip(-growth, growth)) * field
        corner = np.maximum(centres - sizes / 2, 0)
        sizes = np.minimum(sizes, np.array([w * rate, h * rate]) - corner)
        good = (scores >= self.fg_thr) & (sizes >= self.min_size).all(axis=1)
        boxes = np.hstack([corner, corner + sizes]).astype(np.float32)
        return boxes[good], scores[good]
