"""A net in numbers: what `xdn-inspect` prints."""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from xdn.errors import NetError, ShapeError, UnsupportedError
from xdn.graph.blob import Blob, Shape
from xdn.graph.cost import Cost, layer_cost, net_cost
from xdn.graph.layer import Layer
from xdn.graph.net import Net, infer
from xdn.graph.quantized import Reading
from xdn.graph.unknown import UnknownParams

log = logging.getLogger(__name__)

#: So many reasons are told why shapes are unknown.
_TOLD = 8


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
    block : int
        Of how many numbers the blocks of its weight are where that is a codebook's, else 0.
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
    block: int = 0


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
    """Return the summary of `net`; weights need not have been read.

    Shapes may be unknown: of layers of unknown types, of such as read what no layer before them gives, or cannot take
    what they are given, and of all that hang on these. The log has a warning for each reason, the first few.
    """
    shaped = _shaped(net)
    names = {layer.name for layer in shaped.layers}
    rows = tuple(_layer(shaped, layer, layer.name in names) for layer in net.layers)
    unknown = Counter(layer.type for layer in net.layers if isinstance(layer.params, UnknownParams))
    joining = tuple(layer.name for layer in shaped.joining)
    return NetSummary(net.name, rows, net.outputs, net_cost(shaped), dict(unknown), joining)


def _shaped(net: Net) -> Net:
    """Return the net of the layers whose shapes can be known."""
    known: dict[str, Blob] = {}
    kept: list[Layer] = []
    reasons: list[str] = []
    written: set[str] = set()
    for layer in net.layers:
        # What reads an unknown blob that a layer gives has no reason of its own.
        lacking = [bottom for bottom in layer.bottoms if bottom not in known]
        if not isinstance(layer.params, UnknownParams) and not (lacking and written.issuperset(lacking)):
            try:
                known.update(zip(layer.tops, infer(layer, known), strict=True))
                kept.append(layer)
            except (NetError, ShapeError, UnsupportedError) as error:
                reasons.append(str(error))
        written.update(layer.tops)
    for reason in reasons[:_TOLD]:
        log.warning("%s", reason)
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
        layer.block,
    )
