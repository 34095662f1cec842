"""A net with fewer channels, as pruning leaves it: odd counts that no vector divides."""

from dataclasses import replace

from xdn.errors import UnsupportedError
from xdn.graph import Layer, Net
from xdn.layers import LAYERS


def odd_width(width: int, ratio: float) -> int:
    """Return the odd number that is nearest to `ratio * width`."""
    return 2 * max(0, round((ratio * width - 1) / 2)) + 1


def narrowed(net: Net, ratio: float) -> Net:
    """Return the net, without weights, each of its convolutions `ratio` as wide.

    Equal widths stay equal, so that sums and depthwise convolutions fit; a convolution that gives the net's classes
    keeps its width, as inner products do.

    Raises
    ------
    UnsupportedError
        For a convolution of groups that is not depthwise.
    """
    kept = _classifiers(net)
    layers = (layer if layer.name in kept else _narrowed_layer(net, layer, ratio) for layer in net.layers)
    return net.replace(layers=tuple(layers))


def _classifiers(net: Net) -> set[str]:
    """Return the names of the layers after which no other layer with filters stands."""
    kept, reached = set(), set(net.outputs)
    for layer in reversed(net.layers):
        if reached.isdisjoint(layer.tops):
            continue
        if hasattr(layer.params, "num_output"):
            kept.add(layer.name)
        else:
            reached.update(layer.bottoms)
    return kept


def _narrowed_layer(net: Net, layer: Layer, ratio: float) -> Layer:
    params = layer.params
    if not isinstance(params, LAYERS["Convolution"]):
        return layer.replace(weights={})
    width = odd_width(params.num_output, ratio)
    depthwise = params.group == params.num_output == net.bottom_blobs(layer)[0].shape[1]
    if params.group > 1 and not depthwise:
        raise UnsupportedError(f"{params.group} groups; odd widths do not divide by it", where=f"layer {layer.name!r}")
    changed = replace(params, num_output=width, group=width if depthwise else params.group)
    return layer.replace(params=changed, weights={})
