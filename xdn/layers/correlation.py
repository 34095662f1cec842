"""Correlation: how alike the surroundings of places in two images are, for each of many displacements."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Field, Message, blobs_of, layer_type, misfit, proto

#: Rows and columns that something reaches, or is moved by.
_Pair = tuple[int, int]


@dataclass(frozen=True)
class Correlating(CaffeLayer):
    """Base of the layers that compare windows of two images (N, C, H, W): a top channel a displacement."""

    message = Message("CorrelationParameter", "correlation_param", 2071)
    unused = {"do_abs": Field(7, "bool")}
    fixed_because = "sums over all channels, and gives one a displacement"

    pad: int = proto(2, "uint32", default=0)
    kernel_size: int = proto(3, "uint32", default=0)
    max_displacement: int = proto(4, "uint32", default=0)
    stride_1: int = proto(5, "uint32", default=1)
    stride_2: int = proto(6, "uint32", default=1)
    single_direction: int = proto(8, "int32", default=0)
    correlation_type: str = proto(15, "enum", default="MULTIPLY", values={"MULTIPLY": 0, "SUBTRACT": 1})

    @property
    @abstractmethod
    def margin(self) -> _Pair:
        """How far displacements reach: rows and columns at the border where no window of the first image lies."""

    @property
    @abstractmethod
    def border(self) -> _Pair:
        """The rows and columns of zeros around the images."""

    @abstractmethod
    def displacements(self) -> Sequence[_Pair]:
        """Return by how many rows and columns the second image's window is displaced, a top channel each."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many displacements there are."""

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W) twice -> (N, displacements, P, Q)."""
        if len(bottoms) != 2 or len(bottoms[0].shape) != 4 or bottoms[0].shape != bottoms[1].shape:
            raise misfit(bottoms, "two of one shape (N, C, H, W)")
        if self.kernel_size % 2 != 1:
            raise ShapeError(f"kernel_size {self.kernel_size}; it is odd")
        if min(self.stride_1, self.stride_2) < 1 or min(self.pad, self.max_displacement) < 0:
            raise ShapeError(f"stride_1 {self.stride_1} and stride_2 {self.stride_2}; both are positive")
        n, c, *sizes = bottoms[0].shape
        places = []
        for size, margin, border in zip(sizes, self.margin, self.border, strict=True):
            room = size + 2 * border - 2 * margin - (self.kernel_size - 1)
            if room < 1:
                reach = f"a kernel of {self.kernel_size} and displacements up to {margin}"
                raise ShapeError(f"{reach} do not fit into {size} with padding {border}")
            places.append(-(-room // self.stride_1))
        # What the windows meet must be no more than a blob may be.
        Blob((n, c, *(count * self.kernel_size for count in places)))
        return (Blob((n, self.count, *places)),)

    def macs(self, bottoms: Blobs, tops: Blobs) -> int:
        """A window's elements in all channels, for every element of the top."""
        return tops[0].size * bottoms[0].shape[1] * self.kernel_size**2

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """What the windows meet, four times, and the top."""
        n, c = bottoms[0].shape[:2]
        met = Blob((n, c, *(places * self.kernel_size for places in tops[0].shape[2:])))
        return 4 * met.bytes + 2 * tops[0].bytes

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Displacement by displacement: the mean over a window and all channels of products, or of distances."""
        (top,) = self.infer(blobs_of(bottoms), 1)
        found = np.empty(top.shape, np.float32)
        n, c = bottoms[0].shape[:2]
        first, *axes = bottoms[0], *(self._met(axis, top.shape[2 + axis]) for axis in (0, 1))
        ours = _at(first, axes[0], axes[1])
        for channel, (down, right) in enumerate(self.displacements()):
            theirs = _at(bottoms[1], axes[0] + down, axes[1] + right)
            alike = ours * theirs if self.correlation_type == "MULTIPLY" else np.abs(ours - theirs)
            windows = alike.sum(axis=1).reshape(n, top.shape[2], self.kernel_size, top.shape[3], self.kernel_size)
            found[:, channel] = windows.sum(axis=(2, 4)) / np.float32(self.kernel_size**2 * c)
        return (found,)

    def _met(self, axis: int, places: int) -> Array:
        """Return which rows, or columns, of the first image the windows' elements meet, place by place."""
        begins = np.arange(places) * self.stride_1 + self.margin[axis] - self.border[axis]
        met: Array = (begins[:, None] + np.arange(self.kernel_size)).ravel()
        return met


def _at(images: Array, rows: Array, columns: Array) -> Array:
    """Return (N, C, rows, columns) of the images, zeros where they have none."""
    h, w = images.shape[2:]
    within = ((rows >= 0) & (rows < h))[:, None] & ((columns >= 0) & (columns < w))
    found = images[:, :, rows.clip(0, h - 1)[:, None], columns.clip(0, w - 1)]
    return np.where(within, found, np.float32(0))


@layer_type("Correlation")
class Correlation(Correlating):
    """Correlation: the mean product, or distance, of windows around places of two images, one displaced.

    The displacements, top channel by channel, are rows of a square grid: `stride_2` apart, up to `max_displacement`.
    The source is correlation_layer.cu of FlowNet's Caffe (Dosovitskiy et al. 2015).
    """

    @property
    def _radius(self) -> int:
        return self.max_displacement // self.stride_2

    @property
    def margin(self) -> _Pair:
        """As far as displacements go."""
        return self.max_displacement, self.max_displacement

    @property
    def border(self) -> _Pair:
        """As stated, on all sides."""
        return self.pad, self.pad

    @property
    def count(self) -> int:
        """A square."""
        return (2 * self._radius + 1) ** 2

    def displacements(self) -> Sequence[_Pair]:
        """Rows from above, each from the left."""
        steps = [step * self.stride_2 for step in range(-self._radius, self._radius + 1)]
        return [(down, right) for down in steps for right in steps]
