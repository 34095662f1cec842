"""Weights to train a net from scratch."""

import numpy as np

from xdn.graph import Array, Net, Shape
from xdn.train.parameters import owners

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
    rng = np.random.default_rng(seed)
    owner = owners(net)
    made: dict[tuple[str, str], Array] = {}
    layers = []
    for layer in net.layers:
        weights = {}
        for name, shape in net.weight_shapes(layer).items():
            key = owner[layer.name, name]
            if key not in made:
                outputs = getattr(layer.params, "num_output", 1)
                known = name in _START
                made[key] = np.full(shape, _START[name], np.float32) if known else _he_normal(rng, shape, outputs)
            weights[name] = made[key].reshape(shape)
        layers.append(layer.replace(weights=weights))
    return net.replace(layers=tuple(layers))
