"""Windows over films in the words of C3D, said in Caffe's: one number for each axis (time, height, width).

C3D has one number for height and width, and another for time. Its version 1.1 has messages for that, version 1.0 more
fields in those of images. It reads no groups, and its `filter_group` says only how much memory a layer takes. The
source are its convolution3d_layer.cpp, deconvolution3d_layer.cpp and pool3d_layer.cpp.
"""

from collections.abc import Callable
from functools import partial

from xdn.errors import NetError
from xdn.frontend.caffe.text import Message, is_many, place_of, schema

#: Field of height and width -> the field of time, and what stands for either where it is absent.
_TIMES = {"kernel_size": ("kernel_depth", 0), "stride": ("temporal_stride", 1), "pad": ("temporal_pad", 0)}
#: Fields that mean the same in a film's message and in an image's.
_SAME = ("num_output", "bias_term", "pool")
#: Type of the layer in plain Caffe -> its message's field and type, and the field of C3D 1.1.
_MESSAGES = {
    "Convolution": ("convolution_param", "ConvolutionParameter", "convolution3d_param"),
    "Deconvolution": ("convolution_param", "ConvolutionParameter", "convolution3d_param"),
    "Pooling": ("pooling_param", "PoolingParameter", "pooling3d_param"),
}


def _given(param: Message, name: str) -> list[int]:
    """Return the values of a field, whether it is repeated or not; none where the message has no such field."""
    found = {field.name: value for field, value in param.ListFields()}.get(name, [])
    return list(found) if is_many(found) else [found]


def _over_time(layer: Message, kind: str) -> None:
    """Make of a layer of C3D a `kind` over films."""
    plain, message, own = _MESSAGES[kind]
    old, made = getattr(layer, own if layer.HasField(own) else plain), schema.new(message)
    for name in _SAME:
        for value in _given(old, name):
            setattr(made, name, value)
    for name, (time, default) in _TIMES.items():
        sides, times = _given(old, name), _given(old, time)
        if len(sides) > 1:
            what = f"{name} has {len(sides)} values; {layer.type} takes one, and {time}"
            raise NetError(what, where=place_of(layer))
        if sides or times:
            getattr(made, name).extend([*(times or [default]), *(sides or [default]) * 2])
    layer.ClearField(own)
    getattr(layer, plain).CopyFrom(made)
    layer.type = kind


def _without_time(layer: Message) -> None:
    """Refuse C3D's fields of time in a layer over images, where they would have no meaning."""
    for time, _ in _TIMES.values():
        if _given(getattr(layer, _MESSAGES[layer.type][0]), time):
            mend = f"Write {layer.type}3D, or kernel_size, stride and pad once for each axis"
            raise NetError(f"{time} is a field of C3D's {layer.type}3D", where=place_of(layer), mend=mend)


#: Type of a layer, as C3D 1.1 and V1's enum in C3D 1.0 spell it -> the rule that changes it in place.
FILM_RULES: dict[str, Callable[[Message], None]] = {
    **{name: partial(_over_time, kind=kind) for kind in _MESSAGES for name in (f"{kind}3D", f"{kind.upper()}3D")},
    **dict.fromkeys(_MESSAGES, _without_time),
}
