"""Interp: bilinear interpolation whose corners stay corners."""

from collections.abc import Sequence

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Shape, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, one_bottom, proto
from xdn.layers.interpolation import Corners, aligned_corners, interpolated, interpolated_bytes


@layer_type("Interp")
class Interp(CaffeLayer):
    """Interp: bilinear to `height` x `width`, or shrunk by `shrink_factor` and then grown by `zoom_factor`.

    One factor alone wins over `height` and `width`, both together do not. With `use_blob_size`, a fork's field, the
    top has the size of a second bottom. `pad_beg` and `pad_end`, never positive, crop rows and columns before. The
    source is interp_layer.cpp of the DeepLab and PSPNet branches of Caffe.
    """

    message = Message("InterpParameter", "interp_param", 2001)
    channel_rule = ChannelRule.CARRIED

    height: int = proto(1, "int32", default=0)
    width: int = proto(2, "int32", default=0)
    zoom_factor: int = proto(3, "int32", default=1)
    shrink_factor: int = proto(4, "int32", default=1)
    pad_beg: int = proto(5, "int32", default=0)
    pad_end: int = proto(6, "int32", default=0)
    use_blob_size: bool = proto(2000, "bool", default=False)

    def _along(self, size: int, given: int) -> int:
        if given and (self.zoom_factor == 1) == (self.shrink_factor == 1):
            return given
        shrunk = (size - 1) // self.shrink_factor + 1
        return shrunk + (shrunk - 1) * (self.zoom_factor - 1)

    def cropped(self, h: int, w: int) -> tuple[int, int]:
        """Return the height and width that are interpolated; raise ShapeError where nothing is left."""
        if self.pad_beg > 0 or self.pad_end > 0:
            raise ShapeError(f"pad_beg {self.pad_beg} and pad_end {self.pad_end}; they crop, so none is positive")
        left = (h + self.pad_beg + self.pad_end, w + self.pad_beg + self.pad_end)
        if min(left) < 1:
            raise ShapeError(f"pad_beg {self.pad_beg} and pad_end {self.pad_end} leave nothing of {h}x{w}")
        return left

    def output_size(self, h: int, w: int) -> tuple[int, int]:
        """Return the top's height and width for h and w after cropping; ShapeError where they ask for none."""
        if self.zoom_factor < 1 or self.shrink_factor < 1:
            raise ShapeError(f"zoom_factor {self.zoom_factor}, shrink_factor {self.shrink_factor}; they are 1 or more")
        if bool(self.height) != bool(self.width) or self.height < 0 or self.width < 0:
            raise ShapeError(f"height {self.height} and width {self.width}; give both or none")
        return self._along(h, self.height), self._along(w, self.width)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W) -> (N, C, P, Q)."""
        n, c = one_bottom(bottoms[: 1 if self.use_blob_size else None], 4).shape[:2]
        return (Blob((n, c, *self._size([bottom.shape for bottom in bottoms]))),)

    def _size(self, shapes: Sequence[Shape]) -> tuple[int, int]:
        """Return the top's height and width for bottoms of `shapes`."""
        h, w = self.cropped(*shapes[0][2:])
        if not self.use_blob_size:
            return self.output_size(h, w)
        if len(shapes) != 2 or len(shapes[1]) != 4:
            raise ShapeError(f"bottoms of shapes {shapes}; with use_blob_size the second has the size that is wanted")
        return shapes[1][2], shapes[1][3]

    def corners(self, shapes: Sequence[Shape]) -> tuple[Corners, Corners]:
        """Return between which rows, and between which columns, each of the top's lies, for bottoms of `shapes`."""
        sizes = zip(self.cropped(*shapes[0][2:]), self._size(shapes), strict=True)
        rows, columns = (aligned_corners(size, wanted, -self.pad_beg) for size, wanted in sizes)
        return rows, columns

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """Also what is between rows and columns."""
        return super().reference_bytes(bottoms, tops) + interpolated_bytes(bottoms[0], tops[0].shape[2])

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Along the rows, then along the columns, each in f32."""
        return (interpolated(bottoms[0], self.corners([bottom.shape for bottom in bottoms])),)

    def why_real(self, bottoms: Blobs) -> str | None:
        """Of one blob it has an 8-bit form."""
        return "takes its size from a second blob, which has no 8-bit form" if self.use_blob_size else None

    def channel_map(self, bottom: int, bottoms: Blobs) -> Array:
        """The first bottom's channels; none of a second's, of which only the size counts."""
        channels = np.arange(bottoms[0].shape[1])
        return channels if bottom == 0 else np.full_like(channels, -1)
