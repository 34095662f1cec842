"""Weights to train a net from scratch."""

import numpy as np

from xdn.graph import Array, Net, Shape
from xdn.train.parameters import WeightKey, owners

#: What a weight starts from that is not a filter, by its name in the layer.
_START = {"bias": 0, "mean": 0, "variance": 1, "scale_factor": 1, "scale": 1, "shift": 0, "slope": 0.25}


def _he_normal(rng: np.random.Generator, shape: Shape, outputs: int) -> Array:
    """Normal with variance 2 / fan_in (He et al. 2015), whichever axis holds the `outputs`."""
    fan_in = max(1, int(np.prod(shape)) // outputs)
    return rng.standard_normal(shape, np.float32) * np.float32((2.0 / fan_in) ** 0.5)


def fresh(net: Net, seed: int) -> Net:
    """Return `net` with all its weights new, the same for the same net and `seed`; present ones play no part.

    Filters are He-normal; biases and shifts 0, scales 1, slopes 0.25; BatchNorm and BN start from mean 0 and
    variance 1.
    """
    rng, owner = np.random.default_rng(seed), owners(net)
    made: dict[WeightKey, Array] = {}
    found: dict[str, dict[str, Array]] = {layer.name: {} for layer in net.layers}
    for layer in net.layers:
        outputs = getattr(layer.params, "num_output", 1)
        for name, shape in net.weight_shapes(layer).items():
            key = owner[layer.name, name]
            if key not in made:
                known = name in _START
                made[key] = np.full(shape, _START[name], np.float32) if known else _he_normal(rng, shape, outputs)
            found[layer.name][name] = made[key].reshape(shape)
    return net.with_weights(found)
