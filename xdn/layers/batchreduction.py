"""BatchReduction: one axis, or parts of it, become a sum or a mean."""

import numpy as np

from xdn.errors import ShapeError, UnsupportedError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, one_bottom, proto


@layer_type("BatchReduction")
class BatchReduction(CaffeLayer):
    """BatchReduction: the SUM or MEAN along `axis`, which goes; with several `level`s of parts of it, one each.

    A level of k has k * k entries, as a spatial pyramid has; which operation and axis, `reduction_param` says. The
    source is batch_reduction_layer.cpp of PSPNet's Caffe, which has it from that of temporal segment networks.
    """

    message = Message("BatchReductionParameter", "batch_reduction_param", 2211)

    level: tuple[int, ...] = proto(1, "int32", default=(), repeated=True)
    reduction_param: tuple[tuple[str, str | int | float], ...] = proto(2, "ReductionParameter", default=())

    @property
    def operation(self) -> str:
        """What `reduction_param` says of it."""
        return str(dict(self.reduction_param).get("operation", "SUM"))

    def axis(self, bottom: Blob) -> int:
        """Return the axis, from 0 on; ShapeError where the bottom does not have it."""
        return bottom.axis(int(dict(self.reduction_param).get("axis", 0)))

    @property
    def _takes_all(self) -> bool:
        """Whether all entries of the axis become one, and the axis goes."""
        return self.level in ((), (1,))

    def _parts(self, extent: int) -> list[int]:
        """Return how many entries of the axis become one, part by part."""
        if self._takes_all:
            return [extent]
        parts = [level * level for level in self.level]
        if min(self.level) < 1 or sum(parts) != extent:
            raise ShapeError(f"levels {self.level} have {sum(parts)} entries, the axis {extent}")
        return parts

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The bottom's shape without the axis, or with as many entries as there are levels."""
        bottom = one_bottom(bottoms)
        axis = self.axis(bottom)
        parts = self._parts(bottom.shape[axis])
        if self.operation not in ("SUM", "MEAN"):
            raise UnsupportedError(f"operation {self.operation}, which its Caffe has not implemented")
        kept = () if self._takes_all else (len(parts),)
        return (Blob((*bottom.shape[:axis], *kept, *bottom.shape[axis + 1 :])),)

    def joins_images(self, bottoms: Blobs) -> bool:
        """Along the batch axis."""
        return self.axis(bottoms[0]) == 0

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Sums in f64, rounded once."""
        x = bottoms[0]
        axis = self.axis(Blob(x.shape))
        parts = self._parts(x.shape[axis])
        begins = np.cumsum([0, *parts[:-1]])
        sums = np.add.reduceat(x.astype(np.float64), begins, axis=axis)
        if self.operation == "MEAN":
            sums /= np.reshape(parts, (-1, *(1,) * (x.ndim - axis - 1)))
        found = sums.astype(np.float32)
        return (found.squeeze(axis) if self._takes_all else found,)
