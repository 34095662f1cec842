"""`Net` -> prototxt text that other Caffe readers load."""

import dataclasses
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from xdn.files import write_atomically
from xdn.frontend.caffe.naming import restore_in_place
from xdn.frontend.caffe.text import Message, prototxt, schema
from xdn.frontend.caffe.weights.caffemodel import write_caffemodel
from xdn.frontend.formats import unsaid
from xdn.graph import Layer, Net, ParamSpec
from xdn.graph.quantized import BITS
from xdn.layers.base import CaffeLayer, Field
from xdn.layers.input import Input

#: Parameters of an Input that stand elsewhere in the text than in its own message, or that only checks need.
_SAID_OF_INPUTS = ("transform", "source", "resize", "spread")


def _changed(values: Any) -> dict[str, Any]:
    """Return the fields of a dataclass whose values are not their defaults."""
    fields = {field: getattr(values, field.name) for field in dataclasses.fields(values)}
    return {field.name: value for field, value in fields.items() if value != field.default}


def _spelled(field: Field, value: Any) -> Any:
    """Return a field's value as a message is made of it: of a nested message, a layer keeps a tuple."""
    if field.type == "BlobShape":
        return [{"dim": shape} for shape in value] if field.repeated else {"dim": value}
    return dict(value) if field.type.endswith("Parameter") else value


def _write_params(parent: Message, params: CaffeLayer, field: str) -> None:
    """Set the parameters that differ from Caffe's defaults, in the field `field` of `parent`."""
    changed, known = _changed(params), params.proto_fields()
    _set(parent, field, {name: _spelled(each, changed[name]) for name, each in known.items() if name in changed})


def _set(parent: Message, field: str, values: Mapping[str, Any]) -> None:
    """Set `values` in the message that the field `field` of `parent` holds; without any it stays out of the text."""
    if values:
        held = getattr(parent, field)
        held.MergeFrom(type(held)(**values))


def _write_input(message: Message, params: Input) -> None:
    """Set what is done to the images, and the name of the data set."""
    for name, value in _changed(params.transform).items():
        _set(message, "xdn_param" if name in ("std", "channel_order") else "transform_param", {name: value})
    if params.source:
        message.data_param.source = params.source
    if params.resize:
        message.image_data_param.new_height, message.image_data_param.new_width = params.resize


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


def _unsaid(layer: Layer) -> list[str]:
    """Return the parameters of a layer that are not their defaults, and that no field of its message can hold."""
    params = layer.params
    if not isinstance(params, CaffeLayer):
        return ["all"]
    said = {*params.proto_fields(), *(_SAID_OF_INPUTS if isinstance(params, Input) else ())}
    return [name for name in _changed(params) if name not in said]


def to_message(net: Net) -> Message:
    """Return `net` as a NetParameter in Caffe's current format.

    Raises
    ------
    UnsupportedError
        Where it cannot say some layers' parameters; all of them are named.
    """
    lacking = [(layer, found) for layer in net.layers if (found := _unsaid(layer))]
    if lacking:
        raise unsaid([f"{layer.place}: its {', '.join(found)}" for layer, found in lacking], "a prototxt")
    message = schema.new("NetParameter")
    message.name = net.name
    for layer, wiring in zip(net.layers, restore_in_place(net), strict=True):
        params = layer.params
        made = message.layer.add(name=layer.name, type=layer.type, bottom=wiring.bottoms, top=wiring.tops)
        # Under which names the weights are shared, and how training treats them.
        for name, spec in zip_longest(layer.shared, layer.param_specs):
            made.param.add(name=name or None, **_changed(spec or ParamSpec()))
        if isinstance(params, CaffeLayer) and params.message is not None:
            _write_params(made, params, params.message.field)
        if isinstance(params, Input):
            _write_input(made, params)
        _write_epilogue(made, layer)
        if layer.reads_bf16:
            made.xdn_param.bf16 = True
        if layer.rounds_weights_only:
            made.xdn_param.weight_bits.extend(how.weight_bits for how in layer.integer_weights)
        for how in layer.integers:
            few = {name: bits for name in ("bits", "weight_bits") if (bits := getattr(how, name)) != BITS}
            made.xdn_param.int8.add(scale=how.scale, signed=how.signed or None, **few)
        if layer.block:
            made.xdn_param.codebook.block = layer.block
    return message


def to_prototxt(net: Net) -> str:
    """Return `net` as prototxt text, in-place tops restored where the graph allows it.

    Read again it gives the same graph. Plain Caffe, but for `xdn_param` where a layer has what Caffe cannot say:
    the input's standard deviations and channel order, fused residuals, projections and activations, how layers
    read their bottoms where not in f32, and of which blocks their weights are where these are of codebooks.
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
