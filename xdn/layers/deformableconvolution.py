"""DeformableConvolution: a convolution whose window's elements are moved, each by an offset of its own."""

from math import prod

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, WeightAxes, Weights
from xdn.layers.base import Message, layer_type, misfit, proto
from xdn.layers.filters import Windowed
from xdn.layers.interpolation import sampled_within


@layer_type("DeformableConvolution")
class DeformableConvolution(Windowed):
    """DeformableConvolution: the sum of a convolution, what each element meets read at a place moved by an offset.

    The bottoms are images (N, C, H, W) and offsets (N, 2 * R * S * `deformable_group`, P, Q): for each group of
    channels, and each element of the window, by how many rows and columns it is moved. Values are bilinear, 0 beyond
    the image; past the last row or column, but by less than one, they are that row's or column's. The source is
    deformable_im2col.cu of the forks with Deformable ConvNets (Dai et al. 2017).
    """

    message = Message("DeformableConvolutionParameter", "deformable_convolution_param", 2079)
    fixed_because = "sums over channels, at places that offsets tell"
    always_jumps = True  # At the border.

    num_output: int = proto(1, "uint32", default=0)
    bias_term: bool = proto(2, "bool", default=True)
    group: int = proto(5, "uint32", default=1)
    deformable_group: int = proto(25, "uint32", default=1)

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, K, P, Q), by the window's size rule."""
        if len(bottoms) != 2 or any(len(bottom.shape) != 4 for bottom in bottoms):
            raise misfit(bottoms, "images (N, C, H, W) and offsets (N, ..., P, Q)")
        n, c, *sizes = self.taken(bottoms[:1]).shape
        if min(self.num_output, self.group, self.deformable_group) < 1:
            groups = f"group {self.group} and deformable_group {self.deformable_group}"
            raise ShapeError(f"num_output {self.num_output}, {groups}; all are positive")
        if c % self.group or self.num_output % self.group or c % self.deformable_group:
            groups = f"group {self.group} and deformable_group {self.deformable_group}"
            raise ShapeError(f"{c} input and {self.num_output} output channels do not divide by {groups}")
        window = self.window(2)
        elements, places = prod(window.kernel), window.output_size(sizes)
        if bottoms[1].shape != (n, 2 * elements * self.deformable_group, *places):
            wanted = (n, 2 * elements * self.deformable_group, *places)
            raise ShapeError(f"offsets of shape {bottoms[1].shape}; {wanted} is expected")
        # What the windows meet must be no more than a blob may be.
        Blob((n, c * elements, *places))
        Blob((self.num_output, c // self.group, *window.kernel))
        return (Blob((n, self.num_output, *places)),)

    def weight_axes(self, bottoms: Blobs) -> dict[str, WeightAxes]:
        """Weight (K, C/G, R, S), bias (K,)."""
        filters: WeightAxes = (self.num_output, bottoms[0].shape[1] // self.group, *self.window(2).kernel)
        bias: dict[str, WeightAxes] = {"bias": (self.num_output,)} if self.bias_term else {}
        return {"weight": filters, **bias}

    def macs(self, bottoms: Blobs, tops: Blobs) -> int:
        """As a convolution's; what is read at places between others is not counted."""
        return tops[0].size * prod(self.weight_shapes(bottoms)["weight"][1:])

    def reference_bytes(self, bottoms: Blobs, tops: Blobs) -> int:
        """What the windows meet, twice, and one element of it, four times."""
        met = Blob((bottoms[0].shape[0], bottoms[0].shape[1], *tops[0].shape[2:]))
        return (2 * prod(self.window(2).kernel) + 4) * met.bytes + 2 * tops[0].bytes

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """What the windows meet, then the products with the filters, group by group."""
        met, n = self._met(*bottoms), len(bottoms[0])
        grouped = met.reshape(n, self.group, -1, *met.shape[3:])
        filters = weights["weight"].reshape(self.group, self.num_output // self.group, -1)
        y = np.einsum("gki,ngipq->ngkpq", filters, grouped, optimize=True).reshape(n, self.num_output, *met.shape[3:])
        if self.bias_term:
            y = y + weights["bias"][:, None, None]
        return (np.ascontiguousarray(y, np.float32),)

    def _met(self, images: Array, offsets: Array) -> Array:
        """Return (N, C, R * S, P, Q): what each element of the window meets at each place."""
        n, c = images.shape[:2]
        window, groups = self.window(2), self.deformable_group
        p, q = offsets.shape[2:]
        moved = offsets.reshape(n, groups, -1, 2, p, q)
        met = np.empty((n, c, moved.shape[2], p, q), np.float32)
        begins = [
            np.arange(size) * stride - pad for size, stride, pad in zip((p, q), window.stride, window.pad, strict=True)
        ]
        of_group = np.split(np.arange(c), groups)
        for element, (r, s) in enumerate(np.ndindex(*window.kernel)):
            rows = (begins[0] + r * window.dilation[0])[:, None].astype(np.float32)
            columns = (begins[1] + s * window.dilation[1]).astype(np.float32)
            for group, channels in enumerate(of_group):
                y, x = rows + moved[:, group, element, 0], columns + moved[:, group, element, 1]
                met[:, channels, element] = sampled_within(images[:, channels], y, x)
        return met
