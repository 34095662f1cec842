"""Turn Caffe's first text format (V0: `layers { layer { ... } }`) into V1; padding layers go into their readers.

The source of the rules is Caffe's upgrade_proto.cpp.
"""

from xdn.errors import NetError, UnsupportedError
from xdn.frontend.caffe.text import Message, is_many, place_of, schema
from xdn.registry import nearest

_PADDING = "padding"
#: V0 type -> V1's enum value.
_TYPES = {
    "accuracy": "ACCURACY",
    "bnll": "BNLL",
    "concat": "CONCAT",
    "conv": "CONVOLUTION",
    "data": "DATA",
    "dropout": "DROPOUT",
    "euclidean_loss": "EUCLIDEAN_LOSS",
    "flatten": "FLATTEN",
    "hdf5_data": "HDF5_DATA",
    "hdf5_output": "HDF5_OUTPUT",
    "im2col": "IM2COL",
    "images": "IMAGE_DATA",
    "infogain_loss": "INFOGAIN_LOSS",
    "innerproduct": "INNER_PRODUCT",
    "lrn": "LRN",
    "multinomial_logistic_loss": "MULTINOMIAL_LOGISTIC_LOSS",
    "pool": "POOLING",
    "relu": "RELU",
    "sigmoid": "SIGMOID",
    "softmax": "SOFTMAX",
    "softmax_loss": "SOFTMAX_LOSS",
    "split": "SPLIT",
    "tanh": "TANH",
    "window_data": "WINDOW_DATA",
}
_CONV, _POOL, _INNER, _LRN = "convolution_param", "pooling_param", "inner_product_param", "lrn_param"
_DATA, _IMAGES, _WINDOW, _HDF5 = "data_param", "image_data_param", "window_data_param", "hdf5_data_param"
_TRANSFORM = "transform_param"
_ALL_DATA = {"data": _DATA, "images": _IMAGES, "window_data": _WINDOW, "hdf5_data": _HDF5}
_TRANSFORMED = dict.fromkeys(_ALL_DATA, _TRANSFORM)
_WINDOWED = {"conv": _CONV, "pool": _POOL}
_FILTERED = {"conv": _CONV, "innerproduct": _INNER}
#: V0 field -> (V0 type -> the message that holds it now, its name there).
_FIELDS: dict[str, tuple[dict[str, str], str]] = {
    "num_output": (_FILTERED, "num_output"),
    "biasterm": (_FILTERED, "bias_term"),
    "weight_filler": (_FILTERED, "weight_filler"),
    "bias_filler": (_FILTERED, "bias_filler"),
    "pad": (_WINDOWED, "pad"),
    "kernelsize": (_WINDOWED, "kernel_size"),
    "group": ({"conv": _CONV}, "group"),
    "stride": (_WINDOWED, "stride"),
    "pool": ({"pool": _POOL}, "pool"),
    "dropout_ratio": ({"dropout": "dropout_param"}, "dropout_ratio"),
    "local_size": ({"lrn": _LRN}, "local_size"),
    "alpha": ({"lrn": _LRN}, "alpha"),
    "beta": ({"lrn": _LRN}, "beta"),
    "k": ({"lrn": _LRN}, "k"),
    "source": (_ALL_DATA | {"infogain_loss": "infogain_loss_param"}, "source"),
    "scale": (_TRANSFORMED, "scale"),
    "meanfile": (_TRANSFORMED, "mean_file"),
    "cropsize": (_TRANSFORMED, "crop_size"),
    "mirror": (_TRANSFORMED, "mirror"),
    "batchsize": (_ALL_DATA, "batch_size"),
    "rand_skip": ({"data": _DATA, "images": _IMAGES}, "rand_skip"),
    "shuffle_images": ({"images": _IMAGES}, "shuffle"),
    "new_height": ({"images": _IMAGES}, "new_height"),
    "new_width": ({"images": _IMAGES}, "new_width"),
    "concat_dim": ({"concat": "concat_param"}, "concat_dim"),
    "det_fg_threshold": ({"window_data": _WINDOW}, "fg_threshold"),
    "det_bg_threshold": ({"window_data": _WINDOW}, "bg_threshold"),
    "det_fg_fraction": ({"window_data": _WINDOW}, "fg_fraction"),
    "det_context_pad": ({"window_data": _WINDOW}, "context_pad"),
    "det_crop_mode": ({"window_data": _WINDOW}, "crop_mode"),
    "hdf5_output_param": ({"hdf5_output": "hdf5_output_param"}, "hdf5_output_param"),
}
#: Fields that stand in V1's layer itself, under the same name.
_KEPT = ("name", "blobs", "blobs_lr", "weight_decay")


def is_v0(net: Message) -> bool:
    """Return whether a layer of the NetParameter `net` is in the V0 format."""
    return any(layer.HasField("layer") for layer in net.layers)


def current_type(v0_type: str) -> str:
    """Return what a V0 type is called in the current format; one that V0 does not have, as it is."""
    return schema.v1_types()[_TYPES[v0_type]][1] if v0_type in _TYPES else v0_type


def _moved_padding(net: Message) -> Message:
    """Return `net` without padding layers: their pad stands in the layers that read them."""
    made = schema.new("NetParameter")
    made.CopyFrom(net)
    made.ClearField("layers")
    writers: dict[str, Message] = {}
    for connection in net.layers:
        if connection.layer.type == _PADDING:
            if len(connection.bottom) != 1 or len(connection.top) != 1:
                raise NetError("a padding layer has one bottom and one top", where=place_of(connection.layer))
            writers[connection.top[0]] = connection
            continue
        added = made.layers.add()
        added.CopyFrom(connection)
        for index, bottom in enumerate(connection.bottom):
            padding = writers.get(bottom)
            if padding is None:
                continue
            if connection.layer.type not in _WINDOWED or len(connection.bottom) != 1:
                what = f"it reads the padding layer {padding.layer.name!r}; only conv and pool layers can"
                raise UnsupportedError(what, where=place_of(connection.layer))
            added.layer.pad = padding.layer.pad
            added.bottom[index] = padding.bottom[0]
        for top in connection.top:
            writers.pop(top, None)
    return made


def _place(new: Message, old: Message, name: str, value: object) -> None:
    """Put the V0 field `name` of the layer `old` where it stands in V1."""
    kind = old.type
    holders, renamed = _FIELDS.get(name, ({}, ""))
    if kind not in holders:
        raise UnsupportedError(
            f"the field {name!r} has no meaning in a layer of V0's type {kind!r}", where=place_of(old)
        )
    holder = getattr(new, holders[kind])
    if name == renamed == "hdf5_output_param":
        holder.CopyFrom(value)
    elif hasattr(value, "ListFields"):
        getattr(holder, renamed).CopyFrom(value)
    elif is_many(getattr(holder, renamed)):
        getattr(holder, renamed).append(value)
    else:
        try:
            setattr(holder, renamed, value)
        except ValueError:
            raise NetError(f"the field {name!r} is {value}", where=place_of(old)) from None


def _upgraded(connection: Message, new: Message) -> None:
    """Fill the V1LayerParameter `new` from the V0 `connection`."""
    new.bottom.extend(connection.bottom)
    new.top.extend(connection.top)
    old = connection.layer
    for field, value in old.ListFields():
        if field.name == "type":
            if value not in _TYPES:
                close = nearest(value, list(_TYPES))
                mend = f"The nearest known: {', '.join(close)}" if close else f"Known: {', '.join(_TYPES)}"
                raise UnsupportedError(f"V0 has no layer type {value!r}", where=f"layer {old.name!r}", mend=mend)
            new.type = schema.v1_types()[_TYPES[value]][0]
        elif field.name not in _KEPT:
            _place(new, old, field.name, value)
        elif is_many(value):
            getattr(new, field.name).extend(value)
        else:
            setattr(new, field.name, value)


def upgrade_v0(net: Message) -> Message:
    """Return the NetParameter `net`, whose layers are all V0, with V1 layers.

    Raises
    ------
    UnsupportedError
        For a type that V0 does not have, or a field that means nothing in its layer.
    NetError
        Where V0 and V1 are mixed, or a padding layer has not one bottom and one top.
    """
    for layer in net.layers:
        if not layer.HasField("layer"):
            raise NetError(
                "the net mixes V0 and V1 layers", where=f"layer {layer.name!r}", mend="Write all in one format"
            )
    padded = _moved_padding(net)
    made = schema.new("NetParameter")
    made.CopyFrom(padded)
    made.ClearField("layers")
    for connection in padded.layers:
        _upgraded(connection, made.layers.add())
    return made
