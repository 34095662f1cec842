"""MatMul: the products of two blobs' matrices, as attention is made of them."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Shape, Weights
from xdn.layers.base import Message, layer_type, misfit, proto
from xdn.layers.portable import Library, Portable


@layer_type("MatMul")
class MatMul(Portable):
    """MatMul: Y[..., m, k] = sum_i A[..., m, i] * B[..., i, k]; the axes before the last two broadcast.

    With `transpose_a` or `transpose_b` the last two axes of a bottom are the other way round.
    """

    message = Message("MatMulParameter", "matmul_param", 2102)
    fixed_because = "sums over an axis of both bottoms"

    transpose_a: bool = proto(1, "bool", default=False)
    transpose_b: bool = proto(2, "bool", default=False)

    def matrices(self, bottoms: Blobs) -> tuple[Shape, Shape]:
        """Return the bottoms' shapes with matrices (m, i) and (i, k) last; ShapeError where these do not fit."""
        if len(bottoms) != 2 or min(len(bottom.shape) for bottom in bottoms) < 2:
            raise misfit(bottoms, "two, (..., m, i) and (..., i, k)")
        found = []
        for bottom, transposed in zip(bottoms, (self.transpose_a, self.transpose_b), strict=True):
            *lead, rows, columns = bottom.shape
            found.append((*lead, columns, rows) if transposed else bottom.shape)
        a, b = found
        if a[-1] != b[-2]:
            raise ShapeError(f"matrices of {a[-2]} x {a[-1]} and {b[-2]} x {b[-1]}: {a[-1]} is not {b[-2]}")
        return a, b

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(..., m, i) and (..., i, k) -> (..., m, k)."""
        a, b = self.matrices(bottoms)
        try:
            lead = np.broadcast_shapes(a[:-2], b[:-2])
        except ValueError:
            raise ShapeError(f"axes {a[:-2]} and {b[:-2]} before the matrices do not broadcast") from None
        return (Blob((*lead, a[-2], b[-1])),)

    def macs(self, bottoms: Blobs, tops: Blobs) -> int:
        """Outputs times what each is summed over."""
        return tops[0].size * self.matrices(bottoms)[0][-1]

    def products(self, bottoms: Blobs) -> int:
        """What is summed over."""
        return self.matrices(bottoms)[0][-1]

    def joins_images(self, bottoms: Blobs) -> bool:
        """Unless axis 0 of both is one before the matrices."""
        ranks = {len(bottom.shape) for bottom in bottoms}
        return len(ranks) > 1 or min(ranks) < 3

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """The library's product."""
        a, b = bottoms
        a = a.swapaxes(-1, -2) if self.transpose_a else a
        return (lib.matmul(a, b.swapaxes(-1, -2) if self.transpose_b else b),)
