"""BatchReindex: the images of a batch in the order of a list of their numbers."""

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Shape, Weights
from xdn.layers.base import CaffeLayer, layer_type, misfit


@layer_type("BatchReindex")
class BatchReindex(CaffeLayer):
    """BatchReindex: image i of the top is that of the first bottom whose number the second (M,) has at i.

    Fractions are cut off. The source is Caffe's batch_reindex_layer.cpp.
    """

    fixed_because = "takes images by number"
    always_jumps = True  # From one image to the next.

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """(N, ...) and (M,) -> (M, ...)."""
        if len(bottoms) != 2 or not bottoms[0].shape or len(bottoms[1].shape) != 1:
            raise misfit(bottoms, "a batch (N, ...) and numbers of its images (M,)")
        return (Blob((*bottoms[1].shape, *bottoms[0].shape[1:])),)

    def joins_images(self, bottoms: Blobs) -> bool:
        """Any image may stand anywhere."""
        return True

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """Whole images; ShapeError for a number that no image has."""
        images, numbers = bottoms
        known = (numbers >= 0) & (numbers < len(images))
        if not known.all():
            raise ShapeError(f"image {numbers[~known][0]:g} is asked for; there are {len(images)}, from 0 on")
        return (images[numbers.astype(np.int64)],)

    def example(self, bottom: int, shape: Shape, image: Shape, rng: np.random.Generator) -> Array | None:
        """The first image, again and again: how many there are is not told here."""
        return np.zeros(shape, np.float32) if bottom == 1 else None
