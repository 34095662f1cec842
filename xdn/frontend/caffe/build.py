"""NetParameter message -> `Net`: typed parameters, single assignment, names of shared weights."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xdn.errors import NetError, UnknownNameError, UnsupportedError, listed
from xdn.frontend.caffe.images.image_shape import crop_of, resize_of, source_of
from xdn.frontend.caffe.naming import Wiring, single_assignment
from xdn.frontend.caffe.text import Message, is_many, place_of, shortest
from xdn.frontend.formats import ImageShape, InputShapes
from xdn.graph import Epilogue, Layer, LayerParams, Net, ParamSpec, Shape, Transform
from xdn.graph.unknown import UnknownParams
from xdn.graph.verify import verify
from xdn.layers.base import LAYERS, CaffeLayer, Field
from xdn.layers.convolution import Convolution
from xdn.registry import nearest

#: Of so many types that XDN lacks the nearest known are said.
_HINTS = 3


def _plain(value: Any, field: Field | None) -> Any:
    """Return a field's value as the layers keep it: enum -> name, f32 -> its shortest decimal, message -> tuple.

    Of a BlobShape the tuple is that of its extents, of another message that of its (field, value) pairs.
    """
    if field is not None and field.values is not None:
        return next(name for name, number in field.values.items() if number == value)
    if isinstance(value, float):
        return shortest(value)
    if hasattr(value, "ListFields"):
        if value.DESCRIPTOR.name == "BlobShape":
            return tuple(value.dim)
        return tuple((part.name, _plain(inner, None)) for part, inner in value.ListFields())
    return value


def image_transform(layer: Message) -> Transform:
    """Return the layer's `transform_param`, with `xdn_param`'s additions."""
    param, extra = layer.transform_param, layer.xdn_param
    if param.mean_file and param.mean_value:
        raise NetError(
            "transform_param has both mean_file and mean_value; Caffe takes one of them", where=place_of(layer)
        )
    h, w = crop_of(param) or (0, 0)
    return Transform(
        scale=shortest(param.scale) if param.HasField("scale") else 1.0,
        mean_value=tuple(shortest(value) for value in param.mean_value),
        mean_file=param.mean_file,
        # Without a crop images have to be as large as the input, which a crop of unlike sides has told.
        crop_size=h if h == w else 0,
        std=tuple(shortest(value) for value in extra.std),
        channel_order=extra.channel_order,
        mirror=param.mirror,
    )


def _epilogue(layer: Message) -> Epilogue | None:
    extra = layer.xdn_param
    projected = extra.HasField("projection")
    if not (extra.residual or extra.activation or projected):
        return None
    return Epilogue(
        extra.residual,
        _activation(layer) if extra.activation else None,
        Convolution(**_fields(extra.projection, Convolution)) if projected else None,
    )


def _activation(layer: Message) -> CaffeLayer:
    """Return the fused activation's parameters; `xdn_param` holds them under the names of the activation's own."""
    extra = layer.xdn_param
    known = {name: cls for name, cls in LAYERS.items() if cls.fusable}
    if extra.activation not in known:
        mend = f"Known: {', '.join(known)}"
        raise UnsupportedError(
            f"xdn_param: the activation {extra.activation!r} cannot be fused", where=place_of(layer), mend=mend
        )
    cls = known[extra.activation]
    fields = {name: field for name, field in cls.proto_fields().items() if extra.HasField(name)}
    return cls(**{name: _plain(getattr(extra, name), field) for name, field in fields.items()})


def _layer_class(layer: Message) -> type[CaffeLayer]:
    try:
        return LAYERS[layer.type]
    except UnknownNameError as error:
        raise UnsupportedError(
            f"XDN cannot run layers of the type {layer.type!r}", where=f"layer {layer.name!r}", mend=error.mend
        ) from None


def _check_types(net: Message) -> None:
    """Raise UnsupportedError where layers are of types that are not registered: how many, and which types they are."""
    strange = [layer for layer in net.layer if layer.type not in LAYERS]
    if not strange:
        return
    types = Counter(layer.type for layer in strange)
    counted = listed([f"{kind!r} ({count})" for kind, count in types.items()])
    what = f"XDN lacks the types of {len(strange)} of the net's {len(net.layer)} layers: {counted}"
    hints = [(kind, nearest(kind, list(LAYERS))) for kind in types]
    near = [f"{kind!r}: {', '.join(names)}" for kind, names in hints if names]
    mend = f"The nearest known: {'; '.join(near[:_HINTS])}" if near else f"Known: {', '.join(LAYERS)}"
    raise UnsupportedError(what, where=f"layer {strange[0].name!r}", mend=mend)


def _fields(param: Message, cls: type[CaffeLayer]) -> dict[str, Any]:
    """Return the fields that `param`, the message of the layer type `cls`, has, as the layer keeps them."""
    values: dict[str, Any] = {}
    for name, field in cls.proto_fields().items():
        value = getattr(param, name)
        if is_many(value):
            values[name] = tuple(_plain(element, field) for element in value)
        elif param.HasField(name):
            values[name] = _plain(value, field)
    return values


def layer_params(layer: Message) -> LayerParams:
    """Return the typed parameters of the LayerParameter `layer`.

    Raises
    ------
    UnsupportedError
        For a layer type that is not registered, with the nearest known ones.
    """
    cls = _layer_class(layer)
    values = {} if cls.message is None else _fields(getattr(layer, cls.message.field), cls)
    if cls.is_input:
        values |= {"transform": image_transform(layer), "source": source_of(layer), "resize": resize_of(layer)}
    return cls(**values)


def _with_input_shapes(layers: Sequence[Layer], said: InputShapes) -> list[Layer]:
    """Return `layers` with the shape of the only input set to `said`, or those of some by name; the batches stay."""
    inputs = [top for layer in layers if layer.params.is_input for top in layer.tops]
    found = ", ".join(inputs) or "none"
    if not isinstance(said, Mapping):
        if len(inputs) != 1:
            mend = "Name each: --input-shape NAME=C,H,W"
            raise NetError(f"--input-shape is for a net with one input; this one has: {found}", mend=mend)
        said = {inputs[0]: said}
    if strange := [name for name in said if name not in inputs]:
        raise NetError(f"--input-shape names {strange[0]!r}, which is not an input; the inputs are: {found}")

    return [_shaped(layer, said) if layer.params.is_input else layer for layer in layers]


def _shaped(layer: Layer, said: Mapping[str, ImageShape]) -> Layer:
    """Return an Input layer with the shapes of its tops that are `said`."""
    old: tuple[Shape, ...] = layer.params.shape  # type: ignore[attr-defined]
    each = old * len(layer.tops) if len(old) == 1 else old or (None,) * len(layer.tops)
    if len(each) != len(layer.tops) or not said.keys() & set(layer.tops):
        return layer
    shapes = []
    for top, shape in zip(layer.tops, each, strict=True):
        if top in said:
            shapes.append((*(shape or (1,))[:1], *said[top]))
        elif shape is None:
            mend = "Say it with --input-shape NAME=C,H,W"
            raise NetError(f"nothing tells the shape of the input {top!r}", where=f"layer {layer.name!r}", mend=mend)
        else:
            shapes.append(shape)
    return layer.replace(params=replace(layer.params, shape=tuple(shapes)))  # type: ignore[type-var]


def _check_inputs(layers: Sequence[Layer]) -> None:
    """Raise NetError for an Input that declares no shape."""
    for layer in layers:
        if layer.params.is_input and not layer.params.shape:  # type: ignore[attr-defined]
            raise NetError("the input declares no shape", where=place_of(layer), mend="Say it with --input-shape C,H,W")


def build(net: Message, folder: Path | None = None, input_shape: InputShapes | None = None) -> Net:
    """Return the `Net` that the NetParameter `net` (current format, deployable) describes, without weights.

    Parameters
    ----------
    net : NetParameter
    folder : Path, optional
        Where the prototxt lies.
    input_shape : (C, H, W), or name -> such shapes, optional
        In place of the declared shape of the only input, or of some inputs.

    Raises
    ------
    UnsupportedError
        For a layer type that is not registered.
    NetError, ShapeError
        Where the graph is wrong.
    """
    _check_types(net)
    made = sketch(net, folder, input_shape)
    verify(made)
    return made


def sketch(net: Message, folder: Path | None = None, input_shape: InputShapes | None = None) -> Net:
    """Return the net as `build` does, not verified; layers of types that are not registered have `UnknownParams`."""
    params = [
        UnknownParams(layer.type) if layer.type and layer.type not in LAYERS else layer_params(layer)
        for layer in net.layer
    ]
    wirings = single_assignment(
        [
            Wiring(layer.name, tuple(layer.bottom), tuple(layer.top), param.is_input)
            for layer, param in zip(net.layer, params, strict=True)
        ]
    )
    layers = [
        Layer(
            name=layer.name,
            params=param,
            bottoms=wiring.bottoms,
            tops=wiring.tops,
            shared=_shared(layer),
            epilogue=_epilogue(layer),
            param_specs=_param_specs(layer),
        )
        for layer, param, wiring in zip(net.layer, params, wirings, strict=True)
    ]
    if input_shape is not None:
        layers = _with_input_shapes(layers, input_shape)
    _check_inputs(layers)
    return Net(net.name, tuple(layers), folder=folder)


def _shared(layer: Message) -> tuple[str, ...]:
    """Return the names of the layer's weights, empty where none has one."""
    names = tuple(spec.name for spec in layer.param)
    return names if any(names) else ()


def _param_specs(layer: Message) -> tuple[ParamSpec, ...]:
    """Return how training treats the layer's weights, empty where it treats all of them alike."""
    specs = tuple(
        ParamSpec(
            lr_mult=shortest(spec.lr_mult) if spec.HasField("lr_mult") else 1.0,
            decay_mult=shortest(spec.decay_mult) if spec.HasField("decay_mult") else 1.0,
        )
        for spec in layer.param
    )
    return specs if any(spec != ParamSpec() for spec in specs) else ()
