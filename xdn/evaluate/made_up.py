"""Made-up values for the inputs of any net, for its times: seeded, and sensible where not any number will do."""

import numpy as np

from xdn.element import real
from xdn.graph import Array, Net
from xdn.graph.examples import examples


def made_up_feed(net: Net, batch: int) -> dict[str, Array]:
    """Return name -> f32 array for each input of a net.

    An input gets what a layer that reads it asks for (`LayerParams.example`): an image's size, regions within an image,
    numbers of rows; any other one values of the standard normal distribution. Inputs that declare the batch of the
    first one have `batch` images, others what they declare.
    """
    rng = np.random.default_rng(0)
    shapes = {name: blob.shape for name, blob in net.with_images(batch).inputs.items()}
    normal = {name: np.asarray(rng.standard_normal(shape, real)) for name, shape in shapes.items()}
    return normal | examples(net, shapes, rng)
