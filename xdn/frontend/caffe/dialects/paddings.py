"""Padding that differs from side to side, said in our layers: `pad_l`, `pad_r`, `pad_t`, `pad_b`, and `pad_type: 1`.

These are fields of Synopsys' Caffe and others, which converters from TensorFlow write; the source are its
base_conv_layer.cpp, im2col.cpp and pooling_layer.cpp. Sides that agree become `pad_h` and `pad_w`. Before a convolution
others become a Pad layer, since zeros are what it reads there; a Pooling knows them itself, for its border is none of
zeros. `pad_type: 1` is TensorFlow's "SAME": as many places as strides fit into the image, the border on both sides,
where it is odd the greater half at the end.
"""

from collections.abc import Sequence

from xdn.errors import NetError, UnsupportedError
from xdn.frontend.caffe.dialects.steps import replaced
from xdn.frontend.caffe.dialects.stochastic import pooling_of
from xdn.frontend.caffe.text import Message, place_of, schema, values_of
from xdn.graph.naming import free_name
from xdn.layers.base import LAYERS
from xdn.layers.convolution import Convolution
from xdn.layers.deconvolution import Deconvolution
from xdn.layers.pooling import METHODS

_SIDES = ("pad_t", "pad_b", "pad_l", "pad_r")
_SAME = 1


def padded_apart(net: Message) -> None:
    """Change the layers of the NetParameter `net` whose padding differs from side to side."""
    for param in filter(None, map(pooling_of, net.layer)):
        _average_of_images(param)
    replaced(net, _states_sides, lambda layer, taken: [*_padding_before(layer, taken), layer])


def _states_sides(layer: Message) -> bool:
    """Return whether a layer with filters states the padding of a side, or how to find it."""
    has_filters = issubclass(LAYERS.get(layer.type) or object, Convolution | Deconvolution)
    return has_filters and any(map(layer.convolution_param.HasField, (*_SIDES, "pad_type")))


def _average_of_images(param: Message) -> None:
    """Say an average of what lies within the image by two fields: the average, and what it divides by."""
    if "pool" in (stated := values_of(param)) and stated["pool"] in ("AVE_EXC_PAD", "AVE_TF"):
        param.pool = METHODS["AVE"]
        param.count_padding = False


def _padding_before(layer: Message, taken: set[str]) -> list[Message]:
    """Return the Pad that a layer with filters needs before it, if any, and take its padding off the layer."""
    param, where = layer.convolution_param, place_of(layer)
    sides, same = [int(getattr(param, side)) for side in _SIDES], int(param.pad_type)
    for name in (*_SIDES, "pad_type"):
        param.ClearField(name)
    if same not in (0, _SAME):
        raise UnsupportedError(
            f"pad_type {same}", where=where, mend="Known: 0, and 1 for as many places as strides fit"
        )
    if not any(sides) and not same:
        return []
    ways = [any(sides), bool(same), any(param.pad), bool(param.pad_h or param.pad_w)]
    if sum(ways) > 1:
        raise NetError("the padding is given in several ways; give pad, or pad_h and pad_w, or each side", where=where)
    above, below, left, right = sides
    if not same and above == below and left == right:
        param.ClearField("pad")
        param.pad_h, param.pad_w = above, left
        return []
    if issubclass(LAYERS[layer.type], Deconvolution):
        raise UnsupportedError("a Deconvolution whose padding differs from side to side", where=where)
    name = free_name(f"{layer.name}_padding", taken)
    pad = schema.new("LayerParameter", name=name, type="Pad", bottom=layer.bottom[:1], top=[name])
    for side, value in zip(_SIDES, sides, strict=True):
        if value:
            setattr(pad.pad_param, side, value)
    if same:
        kernel, stride = _extents(param, "kernel", "kernel_size", where), _extents(param, "stride", "stride", where)
        if any(each != 1 for each in param.dilation):
            raise UnsupportedError("pad_type: 1 together with a dilation", where=where, mend="Give pad_t, pad_b, ...")
        pad.pad_param.same_kernel.extend(kernel)
        pad.pad_param.same_stride.extend(stride)
    layer.bottom[0] = name
    return [pad]


def _extents(param: Message, name: str, repeated: str, where: str) -> Sequence[int]:
    """Return (height, width) of a kernel or a stride, 1 where it is not given."""
    values = list(getattr(param, repeated)) or [getattr(param, f"{name}_h") or 1, getattr(param, f"{name}_w") or 1]
    if len(values) > 2:
        raise UnsupportedError("padding that differs from side to side is for images", where=where)
    return values * (2 // len(values))
