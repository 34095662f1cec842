"""The second top of the Normalize of happynear's caffe-windows, said in our layers: the norms that it divides by.

The source is its normalize_layer.cpp.
"""

from xdn.errors import UnsupportedError
from xdn.frontend.caffe.text import Message, place_of, schema
from xdn.graph.naming import free_name

_L1 = 1


def norms_apart(net: Message) -> None:
    """Put a ChannelNorm before each Normalize of the NetParameter `net` that gives its norms as a second top."""
    if not any(_gives_norms(layer) for layer in net.layer):
        return
    taken = {layer.name for layer in net.layer}
    made = schema.new("NetParameter")
    for layer in net.layer:
        if _gives_norms(layer):
            made.layer.append(_norms_of(layer, taken))
        made.layer.add().CopyFrom(layer)
    net.ClearField("layer")
    net.layer.extend(made.layer)


def _gives_norms(layer: Message) -> bool:
    """Return whether a layer is such a Normalize; its other words have become ours (`xdn.layers.normalize`)."""
    param = layer.norm_param
    return layer.type == "Normalize" and len(layer.top) == 2 and param.HasField("scaled") and not param.scaled


def _norms_of(layer: Message, taken: set[str]) -> Message:
    """Return the layer that gives the second top of a Normalize, and take that off it."""
    if layer.norm_param.norm == _L1:
        raise UnsupportedError("normalize_type L1 with a second top", where=place_of(layer))
    name = free_name(f"{layer.name}_norm", taken)
    norms = schema.new("LayerParameter", name=name, type="ChannelNorm", bottom=layer.bottom, top=[layer.top[1]])
    norms.channel_norm_param.eps = layer.norm_param.eps
    del layer.top[1]
    return norms
