"""`Net` -> prototxt text that other Caffe readers load."""

import dataclasses
from itertools import zip_longest
from pathlib import Path
from typing import Any

from xdn.files import write_atomically
from xdn.frontend.caffe.naming import restore_in_place
from xdn.frontend.caffe.text import Message, prototxt, schema
from xdn.frontend.caffe.weights.caffemodel import write_caffemodel
from xdn.graph import Layer, Net, ParamSpec, Transform
from xdn.layers.base import CaffeLayer, Field
from xdn.layers.input import Input


def _fill(message: Message, name: str, field: Field, value: Any) -> None:
    """Set one field of `message` from the value that a layer keeps."""
    if field.values is not None:
        names = value if field.repeated else (value,)
        value = [field.values[each] for each in names] if field.repeated else field.values[value]
    is_message = message.DESCRIPTOR.fields_by_name[name].message_type is not None
    if is_message:
        for each in value if field.repeated else (value,):
            part = getattr(message, name).add() if field.repeated else getattr(message, name)
            _fill_message(part, each)
    elif field.repeated:
        getattr(message, name).extend(value)
    else:
        setattr(message, name, value)


def _fill_message(message: Message, values: tuple[Any, ...]) -> None:
    """Set a nested message from a tuple: BlobShape's extents, or (field, value) pairs."""
    message.SetInParent()
    if message.DESCRIPTOR.name == "BlobShape":
        message.dim.extend(values)
        return
    for name, value in values:
        setattr(message, name, value)


def _write_params(parent: Message, params: CaffeLayer, message: str) -> None:
    """Set the parameters that differ from Caffe's defaults, in the field `message` of `parent`."""
    plain = {f.name: f.default for f in dataclasses.fields(params)}  # type: ignore[arg-type]
    for name, field in params.proto_fields().items():
        value = getattr(params, name)
        if value != plain[name]:
            _fill(getattr(parent, message), name, field, value)


def _write_input(message: Message, params: Input) -> None:
    """Set what is done to the images, and the name of the data set."""
    plain, transform = Transform(), params.transform
    param = message.transform_param
    for name in ("scale", "mean_file", "crop_size", "mirror"):
        if getattr(transform, name) != getattr(plain, name):
            setattr(param, name, getattr(transform, name))
    param.mean_value.extend(transform.mean_value)
    if transform.std:
        message.xdn_param.std.extend(transform.std)
    if transform.channel_order:
        message.xdn_param.channel_order = transform.channel_order
    if params.source:
        message.data_param.source = params.source
    if params.resize:
        message.image_data_param.new_height, message.image_data_param.new_width = params.resize
    if not param.ListFields():
        message.ClearField("transform_param")


def _write_param_specs(message: Message, layer: Layer) -> None:
    """Set under which names the weights are shared, and how training treats them."""
    for name, spec in zip_longest(layer.shared, layer.param_specs):
        made = message.param.add()
        if name:
            made.name = name
        for field, plain in dataclasses.asdict(ParamSpec()).items():
            if spec is not None and getattr(spec, field) != plain:
                setattr(made, field, getattr(spec, field))


def _write_epilogue(message: Message, layer: Layer) -> None:
    """Set what post-fusion appended to the layer, which plain Caffe cannot say."""
    if layer.epilogue is None:
        return
    if layer.epilogue.residual:
        message.xdn_param.residual = True
    if isinstance(layer.epilogue.projection, CaffeLayer):
        _write_params(message.xdn_param, layer.epilogue.projection, "projection")
    if isinstance(layer.epilogue.activation, CaffeLayer):
        message.xdn_param.activation = layer.epilogue.activation.type
        _write_params(message, layer.epilogue.activation, "xdn_param")


def to_message(net: Net) -> Message:
    """Return `net` as a NetParameter in Caffe's current format."""
    message = schema.new("NetParameter")
    message.name = net.name
    for layer, wiring in zip(net.layers, restore_in_place(net), strict=True):
        params = layer.params
        made = message.layer.add(name=layer.name, type=layer.type, bottom=wiring.bottoms, top=wiring.tops)
        _write_param_specs(made, layer)
        if isinstance(params, CaffeLayer) and params.message is not None:
            _write_params(made, params, params.message.field)
        if isinstance(params, Input):
            _write_input(made, params)
        _write_epilogue(made, layer)
    return message


def to_prototxt(net: Net) -> str:
    """Return `net` as prototxt text, in-place tops restored where the graph allows it.

    Read again it gives the same graph. Plain Caffe, but for `xdn_param` where a layer has what Caffe cannot say:
    the input's standard deviations and channel order, and fused residuals, projections and activations.
    """
    return prototxt.write(to_message(net))


def save(net: Net, path: Path, caffemodel: Path | None = None) -> None:
    """Write `net` to the prototxt `path` and its weights to `caffemodel`, each whole or not at all.

    The weights are written first: a prototxt beside no weights is never seen. A mean file that the input's
    transform names is not copied.
    """
    text = to_prototxt(net)
    if caffemodel is not None:
        write_caffemodel(caffemodel, net)
    write_atomically(path, text.encode())
