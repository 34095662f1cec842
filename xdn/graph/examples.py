"""Values that inputs of a net may have, where not any number will do."""

from collections.abc import Mapping

import numpy as np

from xdn.graph.blob import Array, Shape
from xdn.graph.net import Net

_IMAGE_AXES = 4


def examples(net: Net, shapes: Mapping[str, Shape], rng: np.random.Generator) -> dict[str, Array]:
    """Return name -> values of the inputs, of `shapes`, for which a layer that reads them asks (`LayerParams.example`).

    Those are an image's size, regions within an image, numbers of rows; other inputs, which take any values, are left
    out.
    """
    image = next((shape[2:] for shape in shapes.values() if len(shape) == _IMAGE_AXES), (1, 1))
    found = {}
    for name, shape in shapes.items():
        asked = (layer.params.example(layer.bottoms.index(name), shape, image, rng) for layer in net.consumers[name])
        if (example := next((values for values in asked if values is not None), None)) is not None:
            found[name] = example
    return found
