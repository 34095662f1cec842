"""Weights to train a net from scratch."""

from collections.abc import Callable, Mapping

import numpy as np

from xdn.graph import Array, Net, Shape
from xdn.train.parameters import owners

#: What a weight starts from that is not a filter, by its name in the layer.
_START: Mapping[str, Callable[[Shape], Array]] = {
    "bias": lambda shape: np.zeros(shape, np.float32),
    "mean": lambda shape: np.zeros(shape, np.float32),
    "variance": lambda shape: np.ones(shape, np.float32),
    "scale_factor": lambda shape: np.ones(shape, np.float32),
    "scale": lambda shape: np.ones(shape, np.float32),
    "shift": lambda shape: np.zeros(shape, np.float32),
    "slope": lambda shape: np.full(shape, 0.25, np.float32),
}


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
                start = _START.get(name)
                outputs = getattr(layer.params, "num_output", 1)
                made[key] = start(shape) if start else _he_normal(rng, shape, outputs)
            weights[name] = made[key].reshape(shape)
        layers.append(layer.replace(weights=weights))
    return net.replace(layers=tuple(layers))
