"""What PriorBox and PriorBoxClustered share: the same boxes around each position of a map."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blobs, Weights
from xdn.layers.base import CaffeLayer, Message, misfit, proto

_DEFAULT_VARIANCE = 0.1
#: x, y, width and height in pixels; x and y are how far the middle is from the position.
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Priors(CaffeLayer):
    """Base of the layers that give boxes and their variances; their fields are those of SSD's PriorBoxParameter.

    The bottoms are a map and the image; of both only the shapes count.
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

    @abstractmethod
    def boxes(self) -> list[Box]:
        """Return the boxes around one position, in Caffe's order."""

    def around(self, step_h: float) -> tuple[Array, Array]:
        """Return (boxes, 2) twice: how far middles are from a position, and sizes, where rows are `step_h` apart."""
        away, sizes = np.split(np.array(self.boxes()), 2, axis=1)
        return away, sizes

    def check_grid(self, bottoms: Blobs) -> None:
        """Raise ShapeError for bottoms, steps or variances that are not such."""
        if len(bottoms) != 2 or any(len(bottom.shape) != 4 for bottom in bottoms):
            raise misfit(bottoms, "a map and the image (N, C, H, W)")
        if not all(0 <= step < np.inf for step in (self.step, self.step_h, self.step_w, abs(self.offset))):
            what = f"step {self.step}, step_h {self.step_h}, step_w {self.step_w}, offset {self.offset}"
            raise ShapeError(f"{what}; no step is negative, and all are finite")
        if len(self.variance) not in (0, 1, 4):
            raise ShapeError(f"{len(self.variance)} variance; give one, or one a coordinate")

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
        away, sizes = self.around(step_h)
        centres = np.stack(np.broadcast_arrays(x[None, :, None], y[:, None, None]), axis=-1) + away  # (H, W, boxes, 2)
        corners = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=-1)  # (H, W, boxes, 4)
        corners = corners / np.array([image_w, image_h, image_w, image_h])
        if self.clip:
            corners = corners.clip(0, 1)
        variance = (self.variance or (_DEFAULT_VARIANCE,)) * (1 if len(self.variance) == 4 else 4)
        parts = [corners.ravel(), np.tile(variance, corners.size // 4)]
        return (np.stack(parts)[None].astype(np.float32),)
