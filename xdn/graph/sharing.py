"""Weights that layers share by name."""

import numpy as np

from xdn.graph.blob import Array
from xdn.graph.net import Net


def with_true_names(net: Net) -> Net:
    """Return the net in which weights of one name are equal: of those that differ from the first the name is taken.

    A file gives all layers with a name the weights of the first (Caffe's Net::AppendParam). Where layers got weights of
    their own, as one that reads integers beside one that reads f32, the name would undo it.
    """
    first: dict[str, Array] = {}
    layers = []
    for layer in net.layers:
        arrays = [layer.weights.get(name) for name in net.weight_shapes(layer)]
        kept = list(layer.shared)
        for place, (name, array) in enumerate(zip(layer.shared, arrays, strict=False)):
            if name and array is not None:
                owner = first.setdefault(name, array)
                if not (owner is array or np.array_equal(owner.ravel(), array.ravel(), equal_nan=True)):
                    kept[place] = ""
        shared = tuple(kept) if any(kept) else ()
        layers.append(layer if shared == layer.shared else layer.replace(shared=shared))
    return net.replace(layers=tuple(layers))
