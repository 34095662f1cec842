"""Questions that stages ask of a net before they take a place."""

from collections.abc import Iterable

from xdn.graph import Layer, Net


def reason_to_keep(net: Net, blob: str) -> str | None:
    """Return why `blob` cannot be swallowed by a fusion with its reader; None where it can."""
    readers = net.consumers[blob]
    if blob in net.outputs:
        return f"its bottom {blob!r} is an output of the net"
    if len(readers) > 1:
        return f"its bottom {blob!r} is read {len(readers)} times, by {names(readers)}"
    return None


def only_reader(net: Net, blob: str) -> Layer | None:
    """Return what reads a blob, where nothing else needs that."""
    return net.consumers[blob][0] if reason_to_keep(net, blob) is None and net.consumers[blob] else None


def is_plain(layer: Layer) -> bool:
    """Return whether a layer computes and stores f32, and nothing is fused to it."""
    return layer.epilogue is None and not layer.quantized and not any(layer.stored)


def sharers(net: Net, layer: Layer) -> list[Layer]:
    """Return the other layers that share weights with `layer` (`param { name: ... }`)."""
    own = {name for name in layer.shared if name}
    return [other for other in net.layers if other is not layer and own & set(other.shared)]


def names(layers: Iterable[Layer]) -> str:
    """Return the layers' quoted names, separated by commas."""
    return ", ".join(repr(layer.name) for layer in layers)


def title(layer: Layer) -> str:
    """Return how messages call a layer: its quoted name and its type."""
    return f"{layer.name!r} ({layer.type})"
