"""A net in numbers: what `xdn-inspect` prints."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from xdn.graph.blob import Shape
from xdn.graph.cost import Cost, layer_cost, net_cost
from xdn.graph.layer import Layer
from xdn.graph.net import Net, check_bottoms
from xdn.graph.quantized import Reading
from xdn.graph.unknown import UnknownParams


@dataclass(frozen=True)
class LayerSummary:
    """One layer in numbers.

    Parameters
    ----------
    name, type : str
    known : bool
        Whether XDN has the type.
    epilogue : tuple of str
        What post-fusion appended, in the order in which it is computed: ``"sum"`` or ``"projection"``, ``"ReLU"``.
    bottoms, tops : tuple of str
        Blob names.
    shapes : tuple of Shape or None
        The tops' shapes, batch included; None where a layer of an unknown type keeps them from being known.
    cost : Cost, optional
        For one image; None where the shapes are unknown.
    quantized : tuple of Quantized, or of Bf16
        As what it reads its bottoms, 8-bit integers or bf16; empty where f32.
    hands_on : bool
        Whether it hands values on as they are, f32 or not.
    """

    name: str
    type: str
    known: bool
    epilogue: tuple[str, ...]
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    shapes: tuple[Shape | None, ...]
    cost: Cost | None
    quantized: tuple[Reading, ...] = ()
    hands_on: bool = False


@dataclass(frozen=True)
class NetSummary:
    """A net in numbers.

    Parameters
    ----------
    name : str
    layers : tuple of LayerSummary
    outputs : tuple of str
    total : Cost
        Of all layers that have one, for one image; shared weights count once.
    unknown_types : mapping
        Type that XDN lacks -> layers of it.
    joining : tuple of str
        The layers that join images (`Net.joining`), of those whose shapes are known.
    """

    name: str
    layers: tuple[LayerSummary, ...]
    outputs: tuple[str, ...]
    total: Cost
    unknown_types: Mapping[str, int]
    joining: tuple[str, ...] = ()


def summarize(net: Net) -> NetSummary:
    """Return the summary of `net`; weights need not have been read, and layers may be of unknown types.

    Raises
    ------
    NetError, ShapeError
        Where a layer reads what no layer before it gives, or cannot take the shapes that it is given.
    """
    shaped = _shaped(net)
    names = {layer.name for layer in shaped.layers}
    rows = tuple(_layer(shaped, layer, layer.name in names) for layer in net.layers)
    unknown = Counter(layer.type for layer in net.layers if isinstance(layer.params, UnknownParams))
    joining = tuple(layer.name for layer in shaped.joining)
    return NetSummary(net.name, rows, net.outputs, net_cost(shaped), dict(unknown), joining)


def _shaped(net: Net) -> Net:
    """Return the net of the layers whose shapes can be known: no layer of an unknown type is on a way to them."""
    written: set[str] = set()
    hidden: set[str] = set()
    kept: list[Layer] = []
    for layer in net.layers:
        check_bottoms(layer, written)
        written.update(layer.tops)
        if isinstance(layer.params, UnknownParams) or not hidden.isdisjoint(layer.bottoms):
            hidden.update(layer.tops)
        else:
            kept.append(layer)
    return net.replace(layers=tuple(kept), outputs=()) if len(kept) < len(net.layers) else net


def _layer(shaped: Net, layer: Layer, has_shapes: bool) -> LayerSummary:
    return LayerSummary(
        layer.name,
        layer.type,
        not isinstance(layer.params, UnknownParams),
        layer.epilogue.parts if layer.epilogue else (),
        layer.bottoms,
        layer.tops,
        tuple(blob.shape for blob in shaped.top_blobs(layer)) if has_shapes else (None,) * len(layer.tops),
        layer_cost(shaped, layer) if has_shapes else None,
        layer.quantized,
        has_shapes and layer.params.selects_only(shaped.bottom_blobs(layer), len(layer.tops)),
    )
