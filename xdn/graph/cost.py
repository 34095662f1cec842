"""What a layer costs: multiply-accumulates, parameters, bytes."""

from dataclasses import dataclass
from math import prod
from operator import add

from xdn.element import BF16, REAL, S8
from xdn.graph.epilogue import PROJECTION_PREFIX
from xdn.graph.layer import Layer
from xdn.graph.net import Net
from xdn.graph.reading import SCALES

#: Names of weights that are filters, and whether they are a fused projection's; names of the scales of filters.
_FILTERS = {"weight": False, f"{PROJECTION_PREFIX}weight": True}
_SCALES = (SCALES, PROJECTION_PREFIX + SCALES)


@dataclass(frozen=True)
class Cost:
    """The cost of one layer or of a whole net.

    Parameters
    ----------
    macs : int
        Multiply-accumulates for one image, padding counted as data.
    parameters : int
        Weights' elements.
    weight_bytes : int
        Size of the weights as kernels read them: of layers that read 8-bit integers filters of a byte an element and
        their scales, of those that read bf16 filters of two bytes; all others f32.
    top_bytes : int
        Size of the tops of one image, as they are stored.
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
    sizes = {name: prod(shape) for name, shape in net.weight_shapes(layer).items() if name not in _SCALES}
    macs = layer.params.macs(bottoms, tops)
    if layer.epilogue is not None:
        macs += layer.epilogue.macs(tops[0], net.added_blobs(layer))
    return Cost(
        macs=macs // batch,
        parameters=sum(sizes.values()),
        weight_bytes=sum(_weight_bytes(layer, name, size) for name, size in sizes.items()),
        top_bytes=sum(top.bytes for top in tops) // batch,
    )


def _weight_bytes(layer: Layer, name: str, size: int) -> int:
    """Return the bytes of a weight of so many elements, with the scales of its filters."""
    filters = _FILTERS.get(name)
    if filters is None or not layer.quantized or layer.rounds_weights_only:
        return size * REAL.bytes
    if layer.reads_bf16:
        return size * BF16.bytes
    params = layer.projection if filters else layer.params
    return size * S8.bytes + (params.filter_count * REAL.bytes if params else 0)


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
