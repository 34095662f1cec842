"""Reshape: the same values under another shape."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from xdn.errors import ShapeError
from xdn.graph import Blob, Blobs, Shape
from xdn.layers.base import Message, layer_type, one_bottom, proto
from xdn.layers.rowmajor import RowMajor

COPIED, INFERRED = 0, -1


@layer_type("Reshape")
class Reshape(RowMajor):
    """Reshape: `num_axes` axes from `axis` on take the extents `shape`: 0 copies the bottom's, -1 infers it.

    The source is Caffe's reshape_layer.cpp.
    """

    message = Message("ReshapeParameter", "reshape_param", 133)

    shape: Shape = proto(1, "BlobShape", default=())
    axis: int = proto(2, "int32", default=0)
    num_axes: int = proto(3, "int32", default=-1)

    def replaced(self, bottom: Blob) -> tuple[int, int]:
        """Return (first, after the last) axis of the bottom that `shape` replaces; ShapeError where there is none."""
        axes = len(bottom.shape)
        start = self.axis if self.axis >= 0 else axes + self.axis + 1
        end = axes if self.num_axes == -1 else start + self.num_axes
        if not 0 <= start <= end <= axes:
            raise ShapeError(f"axis {self.axis} and num_axes {self.num_axes} in a bottom of shape {bottom.shape}")
        return start, end

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The replaced axes are copied, given, or inferred; the number of elements stays."""
        bottom = one_bottom(bottoms)
        start, end = self.replaced(bottom)
        if self.shape.count(INFERRED) > 1 or min(self.shape, default=0) < INFERRED:
            raise ShapeError(f"the shape {self.shape}; its extents are 0, positive, or -1 at one place")
        given = list(self.shape)
        for i, extent in enumerate(given):
            if extent == COPIED:
                if start + i >= len(bottom.shape):
                    raise ShapeError(f"0 copies axis {start + i}, which a bottom of shape {bottom.shape} lacks")
                given[i] = bottom.shape[start + i]
        top = [*bottom.shape[:start], *given, *bottom.shape[end:]]
        if INFERRED in top:
            top[top.index(INFERRED)] = bottom.size // prod(extent for extent in top if extent != INFERRED)
        if prod(top) != bottom.size:
            raise ShapeError(f"a bottom of shape {bottom.shape} has {bottom.size} elements; {tuple(top)} has not")
        return (Blob(tuple(top)),)

    def why_fixed(self, bottoms: Blobs) -> str:
        """Say to what the bottom is reshaped."""
        (top,) = self.infer(bottoms, 1)
        return f"reshapes {bottoms[0].shape} to {top.shape}, where several channels share one"

    def carrying(self, tops: Sequence[int], bottoms: Blobs) -> "Reshape":
        """As many channels as are left, where `shape` states their number."""
        return self._stating(1, 1, tops[0], bottoms[0])

    def moving(self, axis: int, left: int, bottom: Blob) -> "Reshape":
        """What is left along the top's axis, where `shape` states its extent."""
        move = self.moved(axis, bottom)
        return self if move is None else self._stating(axis, move.axis, left, bottom)

    def _stating(self, axis: int, top_axis: int, left: int, bottom: Blob) -> "Reshape":
        """Return the layer that gives `left` along an axis of the top once `axis` of the bottom has lost as much."""
        (top,), start = self.infer([bottom], 1), self.replaced(bottom)[0]
        shape = list(self.shape)
        for number, extent in enumerate(shape, start):
            if number == top_axis:
                stays = extent == INFERRED or (extent == COPIED and number == axis)
                shape[number - start] = extent if stays else left
            elif extent == COPIED and number == axis:
                shape[number - start] = top.shape[number]
        return replace(self, shape=tuple(shape))
