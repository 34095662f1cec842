"""Pick: elements of each image, by places that another blob says."""

from typing import Any

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Shape, Weights
from xdn.layers.base import layer_type, misfit
from xdn.layers.portable import Library, Portable


def check_placed(bottoms: Blobs, count: int, takes: str) -> None:
    """Raise ShapeError where bottoms are not `count`, the first two images, and places for each."""
    if len(bottoms) != count or not all(bottom.shape for bottom in bottoms):
        raise misfit(bottoms, takes)
    images, places = (bottom.shape[0] for bottom in bottoms[:2])
    if images != places:
        raise ShapeError(f"{images} images, and places for {places}")


def made_up_places(shape: Shape, rng: np.random.Generator) -> Array:
    """Return places of `shape`, all at the beginning, which every image has."""
    return rng.integers(0, 4, shape).astype(np.float32)


@layer_type("Pick")
class Pick(Portable):
    """Pick: entry i of image n of the top is element `places[n, i]` of image n, counted through all of its axes.

    The bottoms are images and places of the top's shape. The layer is ours: it gathers for what ONNX models do. Places
    outside of an image give its nearest element, NaN its first.
    """

    always_jumps = True  # From one place to the next.
    fixed_because = "takes elements by their numbers"

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The shape of the places."""
        check_placed(bottoms, 2, "two, images and places")
        return (Blob(bottoms[1].shape),)

    def computed(self, lib: Library, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """By rows of elements."""
        images, places = bottoms
        rows: Any = images.reshape(len(images), -1)
        # In f64, which holds every number of an element.
        numbers = lib.nan_to_num(lib.asarray(places, dtype=lib.float64)).clip(0, rows.shape[1] - 1)
        flat = lib.asarray(numbers, dtype=lib.int64).reshape(len(rows), -1)
        return (rows[lib.arange(len(rows))[:, None], flat].reshape(places.shape),)

    def example(self, bottom: int, shape: Shape, image: Shape, rng: np.random.Generator) -> Array | None:
        """Places at the beginning."""
        return made_up_places(shape, rng) if bottom == 1 else None
