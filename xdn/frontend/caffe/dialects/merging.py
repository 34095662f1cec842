"""MergeCrop of Greentea (naibaf7's Caffe), said in our layers: the middle of a blob, joined to a smaller one.

The second bottom is cut to the positions of the first, as much on all sides, and stands after it along the channels
(`operation: STACK`), or is added to it (`ADD`). The source is its mergecrop_layer.cpp.
"""

from xdn.errors import NetError, UnsupportedError
from xdn.frontend.caffe.dialects.steps import Steps, replaced
from xdn.frontend.caffe.text import Message, place_of, schema, values_of

_JOINED = {"STACK": "Concat", "ADD": "Eltwise"}


def merged_apart(net: Message) -> None:
    """Put a Crop and a Concat, or an Eltwise, in the place of each MergeCrop of the NetParameter `net`."""
    replaced(net, lambda layer: layer.type == "MergeCrop", _crop_and_join)


def _crop_and_join(layer: Message, taken: set[str]) -> list[Message]:
    """Return the two layers that a MergeCrop is."""
    stated, where = values_of(layer.mergecrop_param), place_of(layer)
    if not all(stated.get("forward", [])):
        raise UnsupportedError("forward: false leaves out a bottom", where=where, mend="Read the other one instead")
    if len(layer.bottom) != 2 or len(layer.top) != 1:
        raise NetError(f"{len(layer.bottom)} bottoms and {len(layer.top)} tops; it joins two to one", where=where)
    steps = Steps(layer.name, taken)
    crop = steps.add("crop", "Crop", layer.bottom[1], layer.bottom[0])
    crop.crop_param.centred = True
    kind = _JOINED[stated.get("operation", "STACK")]
    return [
        crop,
        schema.new("LayerParameter", name=layer.name, type=kind, bottom=[layer.bottom[0], crop.name], top=layer.top),
    ]
