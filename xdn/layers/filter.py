"""Filter: of a batch the images for which a selector is not zero."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Weights
from xdn.layers.base import CaffeLayer, layer_type, misfit


@layer_type("Filter")
class Filter(CaffeLayer):
    """Filter: of each bottom but the last those images for which the last, one number an image, is not zero.

    How many are left depends on the data; where none is, it is an error. The source is Caffe's filter_layer.cpp.
    """

    fixed_because = "counts on which images are left"
    always_jumps = True  # Which images are left.

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The shapes of all bottoms but the last: as many images as can be left, at most."""
        if len(bottoms) < 2 or n_tops != len(bottoms) - 1:
            raise misfit(bottoms, f"one for each of the {n_tops} tops, and a selector")
        *kept, selector = (bottom.shape for bottom in bottoms)
        if not selector or bottoms[-1].size != selector[0] or any(shape[:1] != selector[:1] for shape in kept):
            raise misfit(bottoms, "blobs of one batch, and a selector with one number an image")
        return tuple(Blob(shape) for shape in kept)

    def joins_images(self, bottoms: Blobs) -> bool:
        """Images move forward by what is left out before them."""
        return True

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Whole images, in their order."""
        chosen = np.flatnonzero(bottoms[-1])
        if not len(chosen):
            raise ShapeError("the selector is zero for every image, so that nothing is left")
        return tuple(bottom[chosen] for bottom in bottoms[:-1])
