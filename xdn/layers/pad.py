"""Pad: a border around the positions, of zeros or of what the image has at its sides."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, ChannelRule, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, one_bottom, proto

#: Kind of a border -> what NumPy calls it.
_MODES: Final[Mapping[str, Literal["constant", "edge", "symmetric", "reflect"]]] = {
    "ZERO": "constant",
    "REPLICATE": "edge",
    "REFLECT": "symmetric",
    "REFLECT_101": "reflect",
}
#: (above, below), (left, right)
Border = tuple[tuple[int, int], tuple[int, int]]


def same_border(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return what TensorFlow's "SAME" lays before and after an axis of `size` positions, for windows along it."""
    border = max(0, kernel - (size % stride or stride))
    return border // 2, border - border // 2


@layer_type("Pad")
class Pad(CaffeLayer):
    """Pad: zeros above, below, left and right of the positions, or the image repeated or mirrored at its sides.

    Forks of Caffe have several layers of this name: the border is `pad` on all sides, `pad_h` and `pad_w` on two, or
    `pad_t`, `pad_b`, `pad_l`, `pad_r`. By its `kind` (a `type` in pad_layer.cpp of Caffe's pull request, which is the
    source) it is ZERO, or repeats the outermost place (REPLICATE), or mirrors the image, with its outermost places
    twice (REFLECT) or once (REFLECT_101). With `same_kernel` and `same_stride`, which are ours, the border is what
    TensorFlow's "SAME" lays around an image before such a window: as many places as strides fit, and of an odd border
    the greater half at the end.
    """

    message = Message("PadParameter", "pad_param", 2009)
    channel_rule = ChannelRule.CARRIED
    always_moves = True

    pad: int = proto(1, "uint32", default=0)
    pad_h: int = proto(2, "uint32", default=0)
    pad_w: int = proto(3, "uint32", default=0)
    pad_t: int = proto(4, "uint32", default=0)
    pad_b: int = proto(5, "uint32", default=0)
    pad_l: int = proto(6, "uint32", default=0)
    pad_r: int = proto(7, "uint32", default=0)

    kind: str = proto(2000, "enum", default="ZERO", values={name: number for number, name in enumerate(_MODES)})
    same_kernel: tuple[int, ...] = proto(20190, "uint32", default=(), repeated=True)
    same_stride: tuple[int, ...] = proto(20191, "uint32", default=(), repeated=True)

    def border(self, sizes: Sequence[int]) -> Border:
        """Return (above, below) and (left, right) of images of `sizes` (H, W).

        Raises
        ------
        ShapeError
            Where one side is given twice, or negative.
        """
        sides = (self.pad_t, self.pad_b, self.pad_l, self.pad_r)
        ways = [bool(self.pad), bool(self.pad_h or self.pad_w), any(sides), bool(self.same_kernel)]
        if sum(ways) > 1:
            raise ShapeError("the border is given in several ways; give pad, or pad_h and pad_w, or one field a side")
        if min(self.pad, self.pad_h, self.pad_w, *sides) < 0:
            raise ShapeError("a border is negative")
        if self.same_kernel:
            return self._same(sizes)
        h, w = self.pad or self.pad_h, self.pad or self.pad_w
        return (h or self.pad_t, h or self.pad_b), (w or self.pad_l, w or self.pad_r)

    def _same(self, sizes: Sequence[int]) -> Border:
        """Return the border that the window's kernel needs beyond its strides."""
        kernel, stride = self.same_kernel, self.same_stride or (1, 1)
        if len(kernel) != 2 or len(stride) != 2 or min(kernel + stride) < 1:
            raise ShapeError(
                f"same_kernel {kernel} and same_stride {stride}; both have a height and a width, 1 or more"
            )
        (above, below), (left, right) = (same_border(*each) for each in zip(sizes, kernel, stride, strict=True))
        return (above, below), (left, right)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W), larger by the border."""
        n, c, h, w = one_bottom(bottoms, 4).shape
        (above, below), (left, right) = self.border((h, w))
        rooms = (size - (self.kind == "REFLECT_101") for size in (h, w))
        sides = zip(((above, below), (left, right)), rooms, strict=True)
        if self.kind.startswith("REFLECT") and any(max(each) > room for each, room in sides):
            raise ShapeError(f"a border of {(above, below)} and {(left, right)} mirrors more than {h}x{w}")
        return (Blob((n, c, above + h + below, left + w + right)),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """A copy with its border."""
        return (np.pad(bottoms[0], ((0, 0), (0, 0), *self.border(bottoms[0].shape[2:])), mode=_MODES[self.kind]),)

    def places(self, sizes: Sequence[int]) -> list[Array]:
        """Return which row, and which column, of images of `sizes` stands at each of the top's; not of ZERO."""
        sides = zip(sizes, self.border(sizes), strict=True)
        return [np.pad(np.arange(size), side, mode=_MODES[self.kind]) for size, side in sides]
