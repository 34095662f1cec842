"""PriorBoxClustered: boxes of given widths and heights around each position."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, misfit, proto

_DEFAULT_VARIANCE = 0.1


@layer_type("PriorBoxClustered")
class PriorBoxClustered(CaffeLayer):
    """PriorBoxClustered: boxes of stated widths and heights around each position of the first bottom.

    The second bottom is the image; of both only the shapes count. The top (1, 2, H*W*boxes*4) holds corners as
    fractions of the image, then the variances. The source is prior_box_clustered_layer.cpp of Intel's training toolbox.
    """

    message = Message("PriorBoxParameter", "prior_box_param", 203)
    reads_shapes_only = True

    clip: bool = proto(5, "bool", default=False)
    variance: tuple[float, ...] = proto(6, "float", default=(), repeated=True)
    img_size: int = proto(7, "uint32", default=0)
    img_h: int = proto(8, "uint32", default=0)
    img_w: int = proto(9, "uint32", default=0)
    step: float = proto(10, "float", default=0.0)
    step_h: float = proto(11, "float", default=0.0)
    step_w: float = proto(12, "float", default=0.0)
    offset: float = proto(13, "float", default=0.5)
    width: tuple[float, ...] = proto(14, "float", default=(), repeated=True)
    height: tuple[float, ...] = proto(15, "float", default=(), repeated=True)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(1, 2, H * W * boxes * 4), whatever the batch."""
        if len(bottoms) != 2 or any(len(bottom.shape) != 4 for bottom in bottoms):
            raise misfit(bottoms, "a map and the image (N, C, H, W)")
        if not self.width or len(self.width) != len(self.height):
            raise ShapeError(f"{len(self.width)} width and {len(self.height)} height; give as many, one at least")
        if not all(0 < number < np.inf for number in (*self.width, *self.height, *self.variance)):
            raise ShapeError("a width, a height or a variance is not positive")
        if not all(0 <= step < np.inf for step in (self.step, self.step_h, self.step_w, abs(self.offset))):
            what = f"step {self.step}, step_h {self.step_h}, step_w {self.step_w}, offset {self.offset}"
            raise ShapeError(f"{what}; no step is negative, and all are finite")
        if len(self.variance) not in (0, 1, 4):
            raise ShapeError(f"{len(self.variance)} variance; give one, or one a coordinate")
        _, _, h, w = bottoms[0].shape
        return (Blob((1, 2, h * w * len(self.width) * 4)),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Position by position, row by row."""
        h, w = bottoms[0].shape[2:]
        image_h, image_w = self.img_h or self.img_size, self.img_w or self.img_size
        if not (image_h and image_w):
            image_h, image_w = bottoms[1].shape[2:]
        step_h, step_w = self.step_h or self.step, self.step_w or self.step
        if not (step_h and step_w):
            step_h, step_w = image_h / h, image_w / w
        y, x = (np.arange(h) + self.offset) * step_h, (np.arange(w) + self.offset) * step_w
        centres = np.stack(np.broadcast_arrays(x[None, :, None], y[:, None, None]), axis=-1)  # (H, W, 1, 2)
        halves = np.stack([self.width, self.height], axis=-1) / 2  # (boxes, 2)
        corners = np.concatenate([centres - halves, centres + halves], axis=-1)
        corners = corners / np.array([image_w, image_h, image_w, image_h])
        if self.clip:
            corners = corners.clip(0, 1)
        variance = (self.variance or (_DEFAULT_VARIANCE,)) * (1 if len(self.variance) == 4 else 4)
        return (np.stack([corners.ravel(), np.tile(variance, corners.size // 4)])[None].astype(np.float32),)
