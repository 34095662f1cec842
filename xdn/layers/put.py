"""Put: elements of each image replaced, or combined with others, at places that another blob says."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from xdn.errors import ShapeError
from xdn.graph import Array, Arrays, Blob, Blobs, Shape, Weights
from xdn.layers.base import CaffeLayer, Message, layer_type, proto
from xdn.layers.pick import check_placed, made_up_places

#: Operation -> what puts values at places of an array, one after the other.
_PUTTING: Final[Mapping[str, Callable[[Array, Any, Array], None]]] = {
    "SET": lambda rows, at, values: rows.__setitem__(at, values),
    "ADD": lambda rows, at, values: np.add.at(rows, at, values),
    "MUL": lambda rows, at, values: np.multiply.at(rows, at, values),
    "MAX": lambda rows, at, values: np.maximum.at(rows, at, values),
    "MIN": lambda rows, at, values: np.minimum.at(rows, at, values),
}


@layer_type("Put")
class Put(CaffeLayer):
    """Put: image n of the first bottom, where element `places[n, i]` is replaced by value i, or combined with it.

    The bottoms are images, places (N, ...) that count through all axes of an image, and as many values. Of one place
    the last value stays. The layer is ours: it scatters for what ONNX models do. Places outside of an image stand for
    its nearest element, NaN for its first.
    """

    message = Message("PutParameter", "put_param", 2104)
    fixed_because = "puts elements by their numbers"
    always_jumps = True  # From one place to the next.

    operation: str = proto(1, "enum", default="SET", values={name: number for number, name in enumerate(_PUTTING)})

    def infer(self, bottoms: Blobs, n_tops: int) -> tuple[Blob, ...]:
        """The shape of the images."""
        check_placed(bottoms, 3, "three, images, places and as many values")
        if bottoms[1].shape[:1] != bottoms[2].shape[:1] or bottoms[1].size != bottoms[2].size:
            raise ShapeError(f"places of shape {bottoms[1].shape} and values of shape {bottoms[2].shape}")
        return (Blob(bottoms[0].shape),)

    def reference(self, bottoms: Arrays, weights: Weights, n_tops: int) -> tuple[Array, ...]:
        """By rows of elements, in the order of the places."""
        images, places, values = bottoms
        rows = images.reshape(len(images), -1).copy()
        # In f64, which holds every number of an element.
        numbers = np.nan_to_num(places.astype(np.float64)).clip(0, rows.shape[1] - 1).astype(np.int64)
        at = (np.arange(len(rows))[:, None], numbers.reshape(len(rows), -1))
        with np.errstate(all="ignore"):
            _PUTTING[self.operation](rows, at, values.reshape(len(rows), -1))
        return (rows.reshape(images.shape),)

    def example(self, bottom: int, shape: Shape, image: Shape, rng: np.random.Generator) -> Array | None:
        """Places at the beginning."""
        return made_up_places(shape, rng) if bottom == 1 else None
