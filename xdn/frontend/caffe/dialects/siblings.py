"""Layers with filters that have several bottoms and as many tops, said in our layers: one for each, of shared weights.

Caffe's Convolution and Deconvolution apply their filters to each bottom; the source is its base_conv_layer.cpp.
"""

from xdn.frontend.caffe.dialects.steps import replaced
from xdn.frontend.caffe.text import Message, schema
from xdn.layers.base import LAYERS
from xdn.layers.filters import Filters


def siblings_apart(net: Message) -> None:
    """Put one layer for each bottom in the place of each layer of the NetParameter `net` with filters and several."""
    replaced(net, _has_several, _siblings)


def _has_several(layer: Message) -> bool:
    cls = LAYERS.get(layer.type)
    return cls is not None and issubclass(cls, Filters) and len(layer.bottom) == len(layer.top) > 1


def _siblings(layer: Message, taken: set[str]) -> list[Message]:
    """Return the layers that a layer is, the first of its name; their weights have one name each."""
    shared = schema.new("LayerParameter")
    shared.CopyFrom(layer)
    for place in range(1 + layer.convolution_param.bias_term if layer.convolution_param.HasField("bias_term") else 2):
        spec = shared.param[place] if place < len(shared.param) else shared.param.add()
        spec.name = spec.name or f"{layer.name}/{place}"
    made = []
    for number, (bottom, top) in enumerate(zip(layer.bottom, layer.top, strict=True), start=1):
        each = schema.new("LayerParameter")
        each.CopyFrom(shared)
        del each.bottom[:], each.top[:]
        each.bottom.append(bottom)
        each.top.append(top)
        while number > 1 and each.name in taken:
            each.name = f"{each.name}_{number}"
        taken.add(each.name)
        made.append(each)
    return made
