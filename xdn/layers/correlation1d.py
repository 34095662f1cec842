"""Correlation1D: how alike the surroundings of places in two images are, displaced along the rows only."""

from collections.abc import Sequence

from xdn.errors import ShapeError
from xdn.graph import Blob, Blobs
from xdn.layers.base import layer_type
from xdn.layers.correlation import Correlating


@layer_type("Correlation1D")
class Correlation1D(Correlating):
    """Correlation1D: a Correlation whose displacements are those of a stereo pair, to the left and to the right.

    `single_direction` -1 asks for those to the left alone, 1 for those to the right, with none: as its code has it, one
    step further to the left than -1 says, since the one that is none takes part in neither count. Only columns are
    padded. The source is correlation_layer1d.cu of DispNet's Caffe (Mayer et al. 2016).
    """

    @property
    def _radius(self) -> int:
        return self.max_displacement // self.stride_2

    @property
    def margin(self) -> tuple[int, int]:
        """Columns only."""
        return 0, self.max_displacement

    @property
    def border(self) -> tuple[int, int]:
        """Columns only."""
        return 0, self.pad

    @property
    def count(self) -> int:
        """A row, or half of one and the middle."""
        return self._radius + 1 if self.single_direction else 2 * self._radius + 1

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, C, H, W) twice -> (N, displacements, P, Q)."""
        if self.single_direction not in (-1, 0, 1):
            raise ShapeError(f"single_direction {self.single_direction}; it is -1 for left, 0 for both, 1 for right")
        return super().infer(bottoms, n_tops)

    def displacements(self) -> Sequence[tuple[int, int]]:
        """From the left."""
        first = {-1: -self.count, 0: -self._radius, 1: 0}[self.single_direction]
        return [(0, (first + step) * self.stride_2) for step in range(self.count)]
