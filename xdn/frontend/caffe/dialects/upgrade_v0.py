"""Turn Caffe's first text format (V0: `layers { layer { ... } }`) into V1; padding layers go into their readers.

The source of the rules is Caffe's upgrade_proto.cpp.
"""

from itertools import product

from xdn.errors import NetError, UnsupportedError
from xdn.frontend.caffe.text import Message, place_of, put, schema, with_layers
from xdn.registry import known_names

_PADDING = "padding"
_NAMED_ALIKE = (
    "accuracy bnll concat data dropout euclidean_loss flatten hdf5_data hdf5_output im2col infogain_loss lrn "
    "multinomial_logistic_loss relu sigmoid softmax softmax_loss split tanh window_data"
)
#: V0 type -> V1's enum value.
_TYPES = {
    **{kind: kind.upper() for kind in _NAMED_ALIKE.split()},
    "conv": "CONVOLUTION",
    "images": "IMAGE_DATA",
    "innerproduct": "INNER_PRODUCT",
    "pool": "POOLING",
}
#: One line a message of V1: the V0 types that use it, its field in V1's layer, and V0's fields that stand in it now,
#: ``old=new`` where their names changed.
_MESSAGES = """
conv convolution_param num_output biasterm=bias_term weight_filler bias_filler pad kernelsize=kernel_size group stride
innerproduct inner_product_param num_output biasterm=bias_term weight_filler bias_filler
pool pooling_param pool pad kernelsize=kernel_size stride
dropout dropout_param dropout_ratio
lrn lrn_param local_size alpha beta k
concat concat_param concat_dim
infogain_loss infogain_loss_param source
data data_param source batchsize=batch_size rand_skip
images image_data_param source batchsize=batch_size rand_skip shuffle_images=shuffle new_height new_width
hdf5_data hdf5_data_param source batchsize=batch_size
window_data window_data_param source batchsize=batch_size det_fg_threshold=fg_threshold det_bg_threshold=bg_threshold \
    det_fg_fraction=fg_fraction det_context_pad=context_pad det_crop_mode=crop_mode
data|images|hdf5_data|window_data transform_param scale meanfile=mean_file cropsize=crop_size mirror
"""
#: Fields that stand in V1's layer itself, under the same name.
_KEPT = ("name", "blobs", "blobs_lr", "weight_decay")


def _places() -> dict[tuple[str, str], tuple[str, str]]:
    """Return (V0 type, its field) -> the message of V1's layer that holds it now, and its name there."""
    found = {}
    for line in _MESSAGES.strip().split("\n"):
        kinds, holder, *fields = line.split()
        for kind, field in product(kinds.split("|"), fields):
            old, _, new = field.partition("=")
            found[kind, old] = (holder, new or old)
    return found


_PLACES = _places()


def is_v0(net: Message) -> bool:
    """Return whether a layer of the NetParameter `net` is in the V0 format."""
    return any(layer.HasField("layer") for layer in net.layers)


def current_type(v0_type: str) -> str:
    """Return what a V0 type is called in the current format; one that V0 does not have, as it is."""
    return schema.v1_types()[_TYPES[v0_type]][1] if v0_type in _TYPES else v0_type


def _moved_padding(net: Message) -> list[Message]:
    """Return the layers of `net` but for the padding: their pad stands in the layers that read them."""
    made = schema.new("NetParameter")
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
            if connection.layer.type not in ("conv", "pool") or len(connection.bottom) != 1:
                what = f"it reads the padding layer {padding.layer.name!r}; only conv and pool layers can"
                raise UnsupportedError(what, where=place_of(connection.layer))
            added.layer.pad = padding.layer.pad
            added.bottom[index] = padding.bottom[0]
        for top in connection.top:
            writers.pop(top, None)
    return list(made.layers)


def _place(new: Message, old: Message, name: str, value: object) -> None:
    """Put the V0 field `name` of the layer `old` where it stands in V1."""
    if name in _KEPT or name == old.type + "_param" == "hdf5_output_param":
        put(new, name, value)
        return
    if (old.type, name) not in _PLACES:
        what = f"the field {name!r} has no meaning in a layer of V0's type {old.type!r}"
        raise UnsupportedError(what, where=place_of(old))
    holder, renamed = _PLACES[old.type, name]
    try:
        put(getattr(new, holder), renamed, value)
    except ValueError:
        raise NetError(f"the field {name!r} is {value}", where=place_of(old)) from None


def _upgraded(connection: Message, new: Message) -> None:
    """Fill the V1LayerParameter `new` from the V0 `connection`."""
    new.bottom.extend(connection.bottom)
    new.top.extend(connection.top)
    old = connection.layer
    for field, value in old.ListFields():
        if field.name != "type":
            _place(new, old, field.name, value)
        elif value in _TYPES:
            new.type = schema.v1_types()[_TYPES[value]][0]
        else:
            where, mend = f"layer {old.name!r}", known_names(value, sorted(_TYPES))
            raise UnsupportedError(f"V0 has no layer type {value!r}", where=where, mend=mend)


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
            where = f"layer {layer.name!r}"
            raise NetError("the net mixes V0 and V1 layers", where=where, mend="Write all in one format")
    made = with_layers(net, "layers", [])
    for connection in _moved_padding(net):
        _upgraded(connection, made.layers.add())
    return made
