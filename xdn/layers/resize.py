"""Resize: images of another size, as forks with a layer of that name bring them to it."""

from collections.abc import Sequence

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import CaffeLayer, Field, Message, layer_type, one_bottom, proto
from xdn.layers.interpolation import Corners, interpolated, interpolated_bytes

#: How some forks say what size is wanted.
_FUNCTIONS = {"SIZE_GIVEN": 0, "BLOB_ALIGN": 1, "FACTOR_GIVEN": 2}


@layer_type("Resize")
class Resize(CaffeLayer):
    """Resize: bilinear to `height` x `width`, first place on first place; what would lie past the last place is 0.

    With `is_pyramid_test` the size is that of the bottom times `out_height_scale` and `out_width_scale`. The source is
    resize_layer.cpp of happynear's caffe-windows and of others that took it over. In one fork (piiswrong's)
    `top_height` and `top_width` are multiples of the bottom's, and places are repeated. Another one is told by its
    `function_type`, and is refused.
    """

    message = Message("ResizeLayerParameter", "resize_param", 2215)
    #: Beside a `function_type`.
    unused = {
        "intepolation_type": Field(9, "enum", values={"NEAREST": 0, "BILINEAR": 1}),
        "output_size": Field(10, "uint32"),
        "resize_factor": Field(11, "float"),
    }
    channel_rule = ChannelRule.CARRIED

    height: int = proto(1, "uint32", default=0)
    width: int = proto(2, "uint32", default=0)
    is_pyramid_test: bool = proto(3, "bool", default=False)
    out_height_scale: float = proto(4, "float", default=0.0)
    out_width_scale: float = proto(5, "float", default=0.0)
    top_height: int = proto(6, "uint32", default=0)
    top_width: int = proto(7, "uint32", default=0)
    function_type: str | None = proto(8, "enum", default=None, values=_FUNCTIONS)

    def size(self, sizes: Sequence[int]) -> tuple[int, int]:
        """Return the top's height and width for images of `sizes`; ShapeError where nothing tells, or too much."""
        h, w = sizes
        if self.top_height or self.top_width:
            wanted = self.top_height, self.top_width
            others = self.height or self.width or self.is_pyramid_test
            if others or self.top_height % h or self.top_width % w:
                raise ShapeError(f"top_height and top_width {wanted}; they are multiples of {h}x{w}, and stand alone")
        elif self.is_pyramid_test:
            scales = np.array([self.out_height_scale, self.out_width_scale], np.float32)
            p, q = np.nan_to_num(scales) * np.array(sizes, np.float32)
            wanted = int(p), int(q)
        else:
            wanted = self.height, self.width
        if min(wanted) < 1:
            raise ShapeError(f"a size of {wanted[0]}x{wanted[1]}; give height and width")
        return wanted[0], wanted[1]

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W) -> (N, C, P, Q)."""
        if self.function_type is not None:
            raise UnsupportedError(f"function_type {self.function_type}: forks that state it resize by another rule")
        n, c, *sizes = one_bottom(bottoms, 4).shape
        return (Blob((n, c, *self.size(sizes))),)

    def corners(self, shapes: Sequence[Sequence[int]]) -> tuple[Corners, Corners]:
        """Return between which rows, and between which columns, each of the top's lies, for bottoms of `shapes`."""
        h, w = shapes[0][2:]
        p, q = self.size((h, w))
        return _corners(h, p), _corners(w, q)

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """Also what is between rows and columns."""
        return super().reference_bytes(bottoms, tops) + interpolated_bytes(bottoms[0], tops[0].shape[2])

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Bilinear along the rows, then along the columns, each in f32; or places repeated."""
        x = bottoms[0]
        if not self.top_height:
            return (interpolated(x, self.corners([x.shape])),)
        sizes = x.shape[2:]
        wanted = self.size(sizes)
        return (x.repeat(wanted[0] // sizes[0], axis=2).repeat(wanted[1] // sizes[1], axis=3),)

    def moves_only(self, bottoms: Blobs) -> bool:
        """Where places are repeated."""
        return bool(self.top_height)


def _corners(size: int, wanted: int) -> Corners:
    """Return the corners along an axis of `size`; past the last place is 0."""
    at = np.arange(wanted, dtype=np.float32) * (np.float32(size) / np.float32(wanted))
    before = np.minimum(np.floor(at).astype(np.int64), size - 1)
    share = at - before.astype(np.float32)
    after = np.minimum(before + 1, size - 1)
    return Corners(before, after, np.where(after > before, share, np.float32(0)), kept=1 - share)
