"""Weights that come from no file: seeded random ones; and how layers share arrays, wherever these come from."""

from collections.abc import Callable, Mapping
from math import prod

import numpy as np

from xdn import memory, settings
from xdn.element import REAL
from xdn.errors import WeightsError
from xdn.graph import Array, Net, Shape
from xdn.graph.cost import layer_cost
from xdn.memory import Need

RANDOM_SEED = 20190625


def share_arrays(net: Net, weights: dict[str, dict[str, Array]]) -> dict[str, dict[str, Array]]:
    """Give every layer that shares a named array the array of the first layer that has it.

    The rule is Caffe's Net::AppendParam: the first layer with a name owns the array.
    """
    owners: dict[str, Array] = {}
    for layer in net.layers:
        expected = net.weight_shapes(layer)
        own = weights.get(layer.name, {})
        for (name, shape), shared in zip(expected.items(), layer.shared, strict=False):
            if not shared:
                continue
            if shared in owners:
                if owners[shared].size != prod(shape):
                    what = f"{name} {shape} shares {shared!r}, whose shape is {owners[shared].shape}"
                    raise WeightsError(what, where=layer.place)
                own = own | {name: owners[shared].reshape(shape)}
            elif name in own:
                owners[shared] = own[name]
        if own:
            # The scales of integers, which are not expected, come last.
            weights[layer.name] = {name: own[name] for name in expected if name in own} | own
    return weights


def _near(centre: float, spread: float) -> Callable[[np.random.Generator, Shape], Array]:
    """Return a filler: normal around `centre`."""
    return lambda rng, shape: centre + spread * rng.standard_normal(shape, np.float32)


#: Weights that are not filters, by the last word of their name in the layer: close to what training leaves.
_RANDOM: Mapping[str, Callable[[np.random.Generator, Shape], Array]] = {
    "bias": _near(0.0, 0.05),
    "shift": _near(0.0, 0.05),
    "mean": _near(0.0, 0.1),
    "variance": lambda rng, shape: rng.uniform(0.5, 1.5, shape).astype(np.float32),
    "scale_factor": lambda rng, shape: np.ones(shape, np.float32),
    "scale": _near(0.7, 0.1),
    "slope": _near(0.25, 0.05),
}


def _he_normal(rng: np.random.Generator, shape: Shape) -> Array:
    """Normal with variance 2 / fan-in (He et al. 2015), so that activations keep their size through ReLUs."""
    fan_in = max(1, prod(shape[1:]))
    array = rng.standard_normal(shape, np.float32)
    array *= np.float32((2.0 / fan_in) ** 0.5)
    return array


def check_size(net: Net) -> None:
    """Raise WeightsError where `net` asks for more weights than a caffemodel may have, MemoryLimitError for memory."""
    sizes = {layer: layer_cost(net, layer).parameters * REAL.bytes for layer in net.layers}
    total_bytes = sum(sizes.values())
    if total_bytes > settings.MAX_CAFFEMODEL_BYTES:
        raise WeightsError(f"the net asks for {total_bytes} bytes of weights; at most {settings.MAX_CAFFEMODEL_BYTES}")
    # Weights that are made are used next: packed for kernels, or trained.
    memory.require((Need(layer.place, 2 * size) for layer, size in sizes.items()), "making and using the net's weights")


def random_weights(net: Net, seed: int = RANDOM_SEED) -> Net:
    """Return `net` with random weights, the same for the same net and `seed`: He-normal filters, sane statistics.

    Raises
    ------
    WeightsError
        Where the net asks for more weights than a caffemodel may have.
    MemoryLimitError
        Where it asks for more than fit into memory.
    """
    check_size(net)
    rng = np.random.default_rng(seed)
    weights: dict[str, dict[str, Array]] = {layer.name: {} for layer in net.layers}
    for layer in net.layers:
        for name, shape in net.weight_shapes(layer).items():
            made = _RANDOM.get(name.split(".")[-1], _he_normal)(rng, shape)
            weights[layer.name][name] = np.asarray(made, np.float32)
    return net.with_weights(share_arrays(net, weights))
