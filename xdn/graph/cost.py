"""What a layer costs: multiply-accumulates, parameters, bytes."""

from dataclasses import dataclass
from math import prod
from operator import add

from xdn.element import REAL
from xdn.graph.layer import Layer
from xdn.graph.net import Net


@dataclass(frozen=True)
class Cost:
    """The cost of one layer or of a whole net.

    Parameters
    ----------
    macs : int
        Multiply-accumulates for one image, padding counted as data.
    parameters : int
        Weights' elements.
    weight_bytes, top_bytes : int
        Size of the weights and of the tops of one image, f32.
    """

    macs: int = 0
    parameters: int = 0
    weight_bytes: int = 0
    top_bytes: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*map(add, vars(self).values(), vars(other).values()))


def layer_cost(net: Net, layer: Layer) -> Cost:
    """Return the cost of `layer` in `net`, an image."""
    bottoms, tops = net.bottom_blobs(layer), net.top_blobs(layer)
    batch = max((blob.shape[0] for blob in (*bottoms, *tops)[:1] if blob.shape), default=1)
    parameters = sum(prod(shape) for shape in net.weight_shapes(layer).values())
    macs = layer.params.macs(bottoms, tops)
    if layer.epilogue is not None:
        macs += layer.epilogue.macs(tops[0], net.added_blobs(layer))
    return Cost(
        macs=macs // batch,
        parameters=parameters,
        weight_bytes=parameters * REAL.bytes,
        top_bytes=sum(top.bytes for top in tops) // batch,
    )


def net_cost(net: Net) -> Cost:
    """Return the cost of the whole net, an image; shared weights count once."""
    total, seen = Cost(), set()
    for layer in net.layers:
        cost = layer_cost(net, layer)
        names = frozenset(name for name in layer.shared if name)
        if names and names in seen:
            cost = Cost(cost.macs, 0, 0, cost.top_bytes)
        seen.add(names)
        total += cost
    return total
