"""Smaller images for a net over maps: the same layers and weights, computed in a fraction of the time."""

from collections.abc import Iterator

from xdn.errors import XdnError
from xdn.graph import Net, Shape
from xdn.graph.cost import layer_cost

#: Shares of the extents that are tried, and of what the part that goes is a multiple: strides divide what is left as
#: they divided the whole.
SHARES = (3 / 4, 1 / 2, 3 / 8, 1 / 4, 3 / 16, 1 / 8, 1 / 16)
MULTIPLES = (32, 16, 8, 1)


def gmacs(net: Net) -> float:
    """Return the multiplications of the net's declared batch, in thousand millions."""
    return sum(layer_cost(net, layer).macs for layer in net.layers) / 1e9


def shrunk(net: Net, most_gmacs: float) -> Net:
    """Return the net with the largest images that take at most `most_gmacs`, else with those that take least.

    Only sizes count with which every layer has the weights that it had: an InnerProduct over maps, or a Reshape to
    fixed extents, keeps the net as it is; so does a BatchNorm by the batch's statistics, which of a few positions are
    little more than rounding.
    """
    least, least_gmacs = net, gmacs(net)
    by_statistics = any(getattr(layer.params, "batch_statistics", False) for layer in net.layers)
    for smaller in _smaller(net) if least_gmacs > most_gmacs and not by_statistics else ():
        if (found := gmacs(smaller)) < least_gmacs:
            least, least_gmacs = smaller, found
        if least_gmacs <= most_gmacs:
            break
    return least


def _smaller(net: Net) -> Iterator[Net]:
    """Yield the net with smaller images, from the largest on, in the sizes that leave its weights as they are."""
    weights = [net.weight_shapes(layer) for layer in net.layers]
    for share in SHARES:
        for multiple in MULTIPLES:
            try:
                made = net.reshape({name: _cut(blob.shape, share, multiple) for name, blob in net.inputs.items()})
                fits = [made.weight_shapes(layer) for layer in made.layers] == weights
            except XdnError:
                continue
            if fits:
                yield made


def _cut(shape: Shape, share: float, multiple: int) -> Shape:
    """Return a shape whose positions are cut to about `share`, by a multiple of `multiple`."""
    return *shape[:2], *(extent % multiple + int(share * extent) // multiple * multiple for extent in shape[2:])
