"""DeephiResize: images brought to another size, as OpenCV does it."""

from collections.abc import Sequence

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, one_bottom, proto
from xdn.layers.interpolation import Corners, centred_corners, interpolated, interpolated_bytes


@layer_type("DeephiResize")
class DeephiResize(CaffeLayer):
    """DeephiResize: to `new_height` x `new_width`, or `scale_h` x `scale_w` of the size: BILINEAR or the NEAREST place.

    The source is deephi_resize_layer.cpp of Vitis AI's Caffe, which calls OpenCV's resize: for BILINEAR the middles of
    places count, NEAREST is the place before.
    """

    message = Message("DeephiResizeParameter", "deephi_resize_param", 1202)
    channel_rule = ChannelRule.CARRIED

    resize_type: str = proto(1, "enum", default="NEAREST", values={"BILINEAR": 0, "NEAREST": 1})
    scale_h: float = proto(2, "float", default=1.0)
    scale_w: float = proto(3, "float", default=1.0)
    new_height: int = proto(4, "uint32", default=0)
    new_width: int = proto(5, "uint32", default=0)
    use_dpu: bool = proto(6, "bool", default=False)

    def output_size(self, h: int, w: int) -> tuple[int, int]:
        """Return the top's height and width; ShapeError where the fields contradict or leave nothing."""
        if bool(self.new_height) != bool(self.new_width) or min(self.new_height, self.new_width) < 0:
            raise ShapeError(f"new_height {self.new_height} and new_width {self.new_width}; give both or none")
        if self.new_height:
            return self.new_height, self.new_width
        scales = (self.scale_h, self.scale_w)
        if not all(np.isfinite(scale) and 0 < scale < 1e6 for scale in scales):
            raise ShapeError(f"scale_h {self.scale_h} and scale_w {self.scale_w}; both are positive and finite")
        p, q = (int(np.float32(size) * np.float32(scale)) for size, scale in zip((h, w), scales, strict=True))
        if min(p, q) < 1:
            raise ShapeError(f"scale_h {self.scale_h} and scale_w {self.scale_w} leave nothing of {h}x{w}")
        return p, q

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W) -> (N, C, P, Q)."""
        n, c, h, w = one_bottom(bottoms, 4).shape
        if self.use_dpu:
            raise UnsupportedError("use_dpu computes in bytes as a processing unit does", mend="Set it to false")
        return (Blob((n, c, *self.output_size(h, w))),)

    def corners(self, shapes: Sequence[Sequence[int]]) -> tuple[Corners, Corners]:
        """Return between which rows, and between which columns, each of the top's lies, for bottoms of `shapes`."""
        h, w = shapes[0][2:]
        p, q = self.output_size(h, w)
        return centred_corners(h, p), centred_corners(w, q)

    def places(self, h: int, w: int) -> tuple[Array, Array]:
        """Return the row, and the column, that each of the top's takes with NEAREST."""
        sizes = zip((h, w), self.output_size(h, w), strict=True)
        rows, columns = (np.minimum(np.floor(np.arange(p) * (n / p)).astype(np.int64), n - 1) for n, p in sizes)
        return rows, columns

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """Also what is between rows and columns."""
        return super().reference_bytes(bottoms, tops) + interpolated_bytes(bottoms[0], tops[0].shape[2])

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """BILINEAR along the rows, then along the columns, each in f32; NEAREST moves values."""
        x = bottoms[0]
        if self.resize_type == "BILINEAR":
            return (interpolated(x, self.corners([x.shape])),)
        rows, columns = self.places(*x.shape[2:])
        return (np.ascontiguousarray(x.take(rows, 2).take(columns, 3)),)

    def why_real(self, bottoms: Blobs) -> str | None:
        """BILINEAR has an 8-bit form."""
        return None

    def moves_only(self, bottoms: Blobs) -> bool:
        """NEAREST does."""
        return self.resize_type == "NEAREST"
