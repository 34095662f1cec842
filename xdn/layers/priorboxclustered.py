"""PriorBoxClustered: boxes of given widths and heights around each position."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Blob, Blobs
from xdn.layers.base import layer_type, proto
from xdn.layers.priors import Box, Priors


@layer_type("PriorBoxClustered")
class PriorBoxClustered(Priors):
    """PriorBoxClustered: boxes of stated widths and heights around each position of the first bottom.

    The second bottom is the image; of both only the shapes count. The top (1, 2, H*W*boxes*4) holds corners as
    fractions of the image, then the variances. The source is prior_box_clustered_layer.cpp of Intel's training toolbox.
    """

    width: tuple[float, ...] = proto(14, "float", default=(), repeated=True)
    height: tuple[float, ...] = proto(15, "float", default=(), repeated=True)

    def boxes(self) -> list[Box]:
        """Return the boxes around one position: in its middle, of each width with its height."""
        return [(0.0, 0.0, width, height) for width, height in zip(self.width, self.height, strict=True)]

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(1, 2, H * W * boxes * 4), whatever the batch."""
        self.check_grid(bottoms)
        if not self.width or len(self.width) != len(self.height):
            raise ShapeError(f"{len(self.width)} width and {len(self.height)} height; give as many, one at least")
        if not all(0 < number < np.inf for number in (*self.width, *self.height, *self.variance)):
            raise ShapeError("a width, a height or a variance is not positive")
        _, _, h, w = bottoms[0].shape
        return (Blob((1, 2, h * w * len(self.width) * 4)),)
