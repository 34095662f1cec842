"""What a layer's weights are called as a module's parameters, and which layers own the arrays that others share."""

from collections.abc import Iterator

from xdn.graph import Layer, Net

#: A weight of a net: (layer name, weight name).
WeightKey = tuple[str, str]


def parameter_name(layer: str, weight: str) -> str:
    """Return ``layer:weight`` with the dots escaped, which PyTorch reads as nesting.

    No two weights get one name: a weight's name holds no colon, and "%" is escaped too.
    """
    return f"{layer.replace('%', '%25').replace('.', '%2E')}:{weight.replace('.', '%2E')}"


def weight_keys(net: Net) -> Iterator[tuple[Layer, int, WeightKey]]:
    """Yield (layer, index among its blobs in a caffemodel, key) of every weight, in the net's order."""
    for layer in net.layers:
        for index, name in enumerate(net.weight_shapes(layer)):
            yield layer, index, (layer.name, name)


def owners(net: Net) -> dict[WeightKey, WeightKey]:
    """Return for every weight the one that it is the same array as: itself, or the first that bears its shared name.

    The rule is Caffe's Net::AppendParam: the first layer with a name owns the array.
    """
    first: dict[str, WeightKey] = {}
    found = {}
    for layer, index, key in weight_keys(net):
        shared = layer.shared[index] if index < len(layer.shared) else ""
        found[key] = first.setdefault(shared, key) if shared else key
    return found
