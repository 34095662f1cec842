"""ArgMax: where the largest values are."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, one_bottom, proto


@layer_type("ArgMax", v1_name="ARGMAX")
class ArgMax(CaffeLayer):
    """ArgMax: the indices of the `top_k` largest values along `axis`, or of a whole image; of equal ones the last.

    With `out_max_val` the values: along an axis in place of the indices, of an image after them. The source is Caffe's
    argmax_layer.cpp.
    """

    message = Message("ArgMaxParameter", "argmax_param", 103, 23)
    always_jumps = True  # Which value is the largest.

    out_max_val: bool = proto(1, "bool", default=False)
    top_k: int = proto(2, "uint32", default=1)
    axis: int | None = proto(3, "int32", default=None)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """`top_k` along the axis; without one (N, 1, top_k), or (N, 2, top_k) with the values."""
        bottom = one_bottom(bottoms)
        axis = None if self.axis is None else bottom.axis(self.axis)
        bottom.axis(0)
        among = bottom.image_size if axis is None else bottom.shape[axis]
        if not 1 <= self.top_k <= among:
            raise ShapeError(f"top_k {self.top_k} of {among} values")
        if axis is not None:
            return (Blob((*bottom.shape[:axis], self.top_k, *bottom.shape[axis + 1 :])),)
        rest = (1,) * (max(len(bottom.shape), 3) - 3)
        return (Blob((bottom.shape[0], 1 + self.out_max_val, self.top_k, *rest)),)

    def joins_images(self, bottoms: Blobs) -> bool:
        """Along the batch axis."""
        return self.axis is not None and bottoms[0].axis(self.axis) == 0

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Sorted by value, then by index, both descending."""
        x = bottoms[0]
        (top,) = self.infer([Blob(x.shape)], n_tops)
        axis = 1 if self.axis is None else Blob(x.shape).axis(self.axis)
        values = x.reshape(x.shape[0], -1) if self.axis is None else x
        last = values.shape[axis] - 1
        # A stable sort of the reversed values puts the larger index first.
        order = np.argsort(-np.flip(values, axis), axis=axis, kind="stable")
        indices = last - order.take(range(self.top_k), axis)
        found = np.take_along_axis(values, indices, axis)
        if self.axis is not None:
            return ((found if self.out_max_val else indices).astype(np.float32),)
        parts = [indices, found] if self.out_max_val else [indices]
        return (np.stack(parts, axis=1).astype(np.float32).reshape(top.shape),)

    def picks_among(self, bottoms: Blobs) -> int:
        """All values of an image, or of a position along the channels, where only the largest one's index is given."""
        alone = self.top_k == 1 and not self.out_max_val
        if self.axis is None:
            return bottoms[0].image_size if alone else 0
        return bottoms[0].shape[1] if alone and bottoms[0].axis(self.axis) == 1 else 0
