"""Made-up values for the inputs of any net, for its times: seeded, and sensible where not any number will do."""

import numpy as np

from xdn.graph.layer import Array
from xdn.graph.net import Net

_IMAGE_AXES = 4


def made_up_feed(net: Net, batch: int) -> dict[str, Array]:
    """Return name -> f32 array for each input of a net.

    An input gets what a layer that reads it asks for (`LayerParams.example`): an image's size, regions within an image,
    numbers of rows; any other one values of the standard normal distribution. Inputs that declare the batch of the
    first one have `batch` images, others what they declare.
    """
    rng = np.random.default_rng(0)
    shapes = {name: blob.shape for name, blob in net.with_images(batch).inputs.items()}
    image = next((shape[2:] for shape in shapes.values() if len(shape) == _IMAGE_AXES), (1, 1))
    feed = {}
    for name, shape in shapes.items():
        asked = (layer.params.example(layer.bottoms.index(name), shape, image, rng) for layer in net.consumers[name])
        example = next((values for values in asked if values is not None), None)
        feed[name] = np.asarray(rng.standard_normal(shape, np.float32)) if example is None else example
    return feed
