"""A net in numbers: what `xdn-inspect` prints."""

from dataclasses import dataclass

from xdn.graph.blob import Shape
from xdn.graph.cost import Cost, layer_cost, net_cost
from xdn.graph.layer import Layer
from xdn.graph.net import Net


@dataclass(frozen=True)
class LayerSummary:
    """One layer in numbers.

    Parameters
    ----------
    name, type : str
    epilogue : tuple of str
        What post-fusion appended, in the order in which it is computed: ``"sum"`` or ``"projection"``, ``"ReLU"``.
    bottoms, tops : tuple of str
        Blob names.
    shapes : tuple of Shape
        The tops' shapes, batch included.
    cost : Cost
        For one image.
    """

    name: str
    type: str
    epilogue: tuple[str, ...]
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    shapes: tuple[Shape, ...]
    cost: Cost


@dataclass(frozen=True)
class NetSummary:
    """A net in numbers: its layers, and the cost of all for one image (shared weights count once)."""

    name: str
    layers: tuple[LayerSummary, ...]
    outputs: tuple[str, ...]
    total: Cost


def summarize(net: Net) -> NetSummary:
    """Return the summary of `net`; weights need not have been read."""
    return NetSummary(net.name, tuple(_layer(net, layer) for layer in net.layers), net.outputs, net_cost(net))


def _layer(net: Net, layer: Layer) -> LayerSummary:
    return LayerSummary(
        layer.name,
        layer.type,
        layer.epilogue.parts if layer.epilogue else (),
        layer.bottoms,
        layer.tops,
        tuple(blob.shape for blob in net.top_blobs(layer)),
        layer_cost(net, layer),
    )
