"""Flatten: several neighbouring axes become one."""

from math import prod

from xdn.errors import ShapeError
from xdn.graph import Blob, Blobs
from xdn.layers.base import Message, layer_type, one_bottom, proto
from xdn.layers.rowmajor import RowMajor


@layer_type("Flatten", v1_name="FLATTEN")
class Flatten(RowMajor):
    """Flatten: the axes from `axis` to `end_axis`, both included, become one.

    The source is Caffe's flatten_layer.cpp.
    """

    message = Message("FlattenParameter", "flatten_param", 135)

    axis: int = proto(1, "int32", default=1)
    end_axis: int = proto(2, "int32", default=-1)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(..., d_axis, ..., d_end, ...) -> (..., d_axis * ... * d_end, ...)."""
        bottom = one_bottom(bottoms)
        start, end = bottom.axis(self.axis), bottom.axis(self.end_axis)
        if start > end:
            raise ShapeError(f"axis {self.axis} comes after end_axis {self.end_axis} in {bottom.shape}")
        shape = bottom.shape
        return (Blob((*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])),)

    def why_fixed(self, bottoms: Blobs) -> str:
        """The batch is flattened too, or what reads the top cannot follow the channels."""
        (top,) = self.infer(bottoms, 1)
        return f"flattens {bottoms[0].shape} to {top.shape}, where channels lie among other things"
