"""Bring older text formats to the current one, as Caffe does when it reads a net.

The source of the rules is Caffe's upgrade_proto.cpp.
"""

from itertools import zip_longest

from xdn.errors import NetError
from xdn.frontend.caffe.dialects.renamed import RENAMED
from xdn.frontend.caffe.dialects.upgrade_v0 import is_v0, upgrade_v0
from xdn.frontend.caffe.text import Message, put, schema

_SHARE_MODE_STRICT = 0
#: V1's lists with one value for each of a layer's weights.
_OF_WEIGHTS = ("param", "blob_share_mode", "blobs_lr", "weight_decay")
#: The data layers' parameters that once held what now stands in `transform_param`.
_OLD_TRANSFORMS = {
    "Data": "data_param",
    "ImageData": "image_data_param",
    "VideoData": "video_data_param",
    "WindowData": "window_data_param",
    **{f"VIDEO_{kind}DATA": "image_data_param" for kind in ("", "SEGMENTATION_", "WITH_VOXEL_TRUTH_")},
}
_TRANSFORM_FIELDS = ("scale", "mean_file", "crop_size", "mirror")


def _upgrade_v1(net: Message) -> None:
    """Turn V1's `layers` into `layer`."""
    if net.layers and net.layer:
        raise NetError("the net has both `layer` and `layers`", mend="Write all layers in one of the two formats")
    type_names = dict(schema.v1_types().values())
    for old in net.layers:
        new = net.layer.add(type=type_names[old.type] if old.type else _of_forks(old))
        for name, mode, rate, decay in zip_longest(*(getattr(old, field) for field in _OF_WEIGHTS)):
            shared = mode if mode != _SHARE_MODE_STRICT else None
            new.param.add(name=name, share_mode=shared, lr_mult=rate, decay_mult=decay)
        for field, value in old.ListFields():
            if field.name not in ("type", "xdn_type", *_OF_WEIGHTS):
                put(new, field.name, value)
    net.ClearField("layers")


def _of_forks(old: Message) -> str:
    """Return the type of a V1 layer whose name forks have added, as dialects spell it.

    LSTM in capitals is one of two types; the parameters tell which.
    """
    if old.xdn_type == "Lstm" and old.HasField("recurrent_param"):
        return "LSTM"
    name = str(old.xdn_type)
    spelled = {known.upper(): known for known in RENAMED}
    return spelled.get(name.replace("_", ""), name) if name.isupper() else name


def _upgrade_inputs(net: Message) -> None:
    """Turn `input` with `input_dim` or `input_shape` into an Input layer before all others."""
    if not net.input:
        if net.input_dim or net.input_shape:
            raise NetError("the net declares input shapes, but no `input`", mend='Add `input: "data"`')
        return
    layer = schema.new("LayerParameter", name="input", type="Input", top=net.input)
    if net.input_shape:
        layer.input_param.shape.extend(net.input_shape)
    elif len(net.input_dim) == 4 * len(net.input):
        for start in range(0, len(net.input_dim), 4):
            layer.input_param.shape.add().dim.extend(net.input_dim[start : start + 4])
    elif net.input_dim:
        expected = 4 * len(net.input)
        raise NetError(f"{len(net.input_dim)} input_dim for {len(net.input)} inputs; expected {expected}")
    else:
        # Caffe drops an input without a shape (UpgradeNetInput), which helps where a layer gives it.
        given = {top for each in net.layer if not each.bottom for top in each.top}
        del layer.top[:]
        layer.top.extend(name for name in net.input if name not in given)
    if layer.top:
        net.layer.insert(0, layer)
    for field in ("input", "input_dim", "input_shape"):
        net.ClearField(field)


def _upgrade_transforms(net: Message) -> None:
    """Move scale, mean, crop and mirror of data layers into their `transform_param`."""
    for layer in net.layer:
        field = _OLD_TRANSFORMS.get(layer.type)
        if field is None or not layer.HasField(field):
            continue
        old = getattr(layer, field)
        for name in _TRANSFORM_FIELDS:
            if old.HasField(name):
                setattr(layer.transform_param, name, getattr(old, name))
                old.ClearField(name)


def upgrade(net: Message) -> Message:
    """Return the NetParameter `net` in the current format: V0 and V1 layers, declared inputs, old data layers turned.

    Raises
    ------
    UnsupportedError
        For a layer of V0 that has no counterpart.
    NetError
        When the old and the new format are mixed, or inputs and their shapes do not match.
    """
    new = schema.new("NetParameter")
    new.CopyFrom(upgrade_v0(net) if is_v0(net) else net)
    _upgrade_v1(new)
    _upgrade_transforms(new)
    _upgrade_inputs(new)
    return new
