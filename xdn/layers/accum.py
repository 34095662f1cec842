"""Accum: blobs of several sizes brought to the largest, one after the other."""

from collections.abc import Sequence

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Shape, Weights
from xdn.layers.base import CaffeLayer, Message, blobs_of, layer_type, misfit, proto
from xdn.layers.interpolation import Corners, aligned_corners, interpolated, interpolated_bytes


@layer_type("Accum")
class Accum(CaffeLayer):
    """Accum: the bottoms, bilinear with corners on corners, in the largest one's size, joined along the channels.

    The size is `top_height` x `top_width` where both are larger, or the next multiple of `size_divisible_by`; with
    `have_reference` it is that of the last bottom, which is not joined. The source is accum_layer.cpp of FlowNet2.
    """

    message = Message("AccumParameter", "accum_param", 2214)
    fixed_because = "joins channels of several blobs, and has no map of them"

    top_height: int = proto(1, "uint32", default=0)
    top_width: int = proto(2, "uint32", default=0)
    size_divisible_by: int = proto(3, "uint32", default=0)
    have_reference: bool = proto(4, "bool", default=False)

    def _size(self, shapes: Sequence[Shape]) -> tuple[int, int]:
        """Return the height and width of the top for bottoms of `shapes`."""
        if self.have_reference:
            return shapes[-1][2], shapes[-1][3]
        largest = max(shape[2] for shape in shapes), max(shape[3] for shape in shapes)
        wanted = self.top_height, self.top_width
        if self.size_divisible_by:
            p, q = (-(-size // self.size_divisible_by) * self.size_divisible_by for size in largest)
            wanted = p, q
        return wanted if all(np.greater(wanted, largest)) else largest

    def joined(self, count: int) -> int:
        """Return how many of `count` bottoms are joined: all but the reference."""
        return count - self.have_reference

    def corners(self, bottoms: Blobs, number: int) -> tuple[Corners, Corners]:
        """Return between which rows, and columns, of a bottom those of the top lie."""
        size = self._size([bottom.shape for bottom in bottoms])
        rows, columns = map(aligned_corners, bottoms[number].shape[2:], size)
        return rows, columns

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, the sum of the C, H, W)."""
        shapes = [bottom.shape for bottom in bottoms]
        joined = shapes[: self.joined(len(shapes))]
        if not joined or any(len(shape) != 4 for shape in shapes) or len({shape[0] for shape in joined}) != 1:
            raise misfit(bottoms, "images (N, C, H, W), as many of each, and a reference where it is asked for")
        if min(self.top_height, self.top_width, self.size_divisible_by) < 0:
            raise ShapeError("top_height, top_width or size_divisible_by is negative")
        return (Blob((joined[0][0], sum(shape[1] for shape in joined), *self._size(shapes))),)

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """Also what is between rows and columns, of one bottom at a time."""
        between = max(interpolated_bytes(bottom, tops[0].shape[2]) for bottom in bottoms)
        return super().reference_bytes(bottoms, tops) + between

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Bottom by bottom: along the rows, then along the columns, each in f32."""
        blobs = blobs_of(bottoms)
        numbers = range(self.joined(len(bottoms)))
        return (np.concatenate([interpolated(bottoms[i], self.corners(blobs, i)) for i in numbers], axis=1),)
