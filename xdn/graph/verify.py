"""What must hold of every net: single assignment, order, shapes, weights' shapes."""

from math import prod

from xdn.errors import NetError, UnsupportedError, WeightsError
from xdn.graph.blob import Shape
from xdn.graph.layer import Layer
from xdn.graph.net import Net


def verify(net: Net) -> None:
    """Raise NetError, ShapeError or WeightsError for the first rule that `net` breaks.

    Layers without any weights pass: a net may be described before its weights are read.
    """
    _names(net)
    blobs = net.blobs  # infers every shape, and refuses unknown bottoms
    for name in net.outputs:
        if name not in blobs:
            raise NetError(f"the net declares the output {name!r}, which no layer gives")
    for layer in net.layers:
        expected = net.weight_shapes(layer)
        _codebook(layer, expected.get("weight", ()))
        if not layer.weights:
            continue
        if set(layer.weights) != set(expected):
            raise WeightsError(f"weights {sorted(layer.weights)} instead of {sorted(expected)}", where=layer.place)
        for name, shape in expected.items():
            if layer.weights[name].shape != shape:
                raise WeightsError(
                    f"{name} has the shape {layer.weights[name].shape} instead of {shape}", where=layer.place
                )


def _codebook(layer: Layer, shape: Shape) -> None:
    """Raise NetError where a layer says that its weight, of `shape`, is a codebook's, and it cannot be."""
    if layer.block and layer.integer_weights:
        mend = "Delete its codebook, or its int8 scales or weight_bits (xdn_param)"
        raise NetError("its weight is to be a codebook's, and integers", where=layer.place, mend=mend)
    if layer.block and (not shape or prod(shape) % layer.block):
        what = f"its codebook has blocks of {layer.block} numbers, which do not make its weight {shape or ''}".rstrip()
        raise NetError(what, where=layer.place, mend="Delete its codebook (xdn_param): files hold the weight as f32")


def is_sound(net: Net) -> bool:
    """Return whether `verify` finds nothing: where a net was resized, shapes or weights may be for another batch."""
    try:
        verify(net)
    except (NetError, UnsupportedError, WeightsError):
        return False
    return True


def _names(net: Net) -> None:
    layers: set[str] = set()
    written: dict[str, str] = {}
    for layer in net.layers:
        if layer.name in layers:
            raise NetError(f"two layers are called {layer.name!r}")
        layers.add(layer.name)
        for top in layer.tops:
            if top in written:
                raise NetError(f"blob {top!r} is written by {written[top]!r} and by {layer.name!r}")
            written[top] = layer.name
