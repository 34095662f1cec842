"""NetParameter message -> `Net`: typed parameters, single assignment, names of shared weights."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xdn.errors import NetError, ShapeError, UnsupportedError, listed, placed
from xdn.frontend.caffe.images.image_shape import crop_of, resize_of, source_of
from xdn.frontend.caffe.naming import Wiring, single_assignment
from xdn.frontend.caffe.text import Message, fields_of, place_of
from xdn.frontend.formats import ImageShape, InputShapes
from xdn.graph import (
    Bf16,
    Epilogue,
    Layer,
    LayerParams,
    Net,
    ParamSpec,
    Quantized,
    Reading,
    Shape,
    Transform,
    WeightsOnly,
)
from xdn.graph.unknown import UnknownParams
from xdn.graph.verify import verify
from xdn.layers.base import LAYERS, CaffeLayer
from xdn.layers.convolution import Convolution
from xdn.registry import nearest

#: Of so many types that XDN lacks the nearest known are said.
_HINTS = 3


def image_transform(layer: Message) -> Transform:
    """Return the layer's `transform_param`, with `xdn_param`'s additions."""
    param = layer.transform_param
    if param.mean_file and param.mean_value:
        what = "transform_param has both mean_file and mean_value; Caffe takes one of them"
        raise NetError(what, where=place_of(layer))
    h, w = crop_of(param) or (0, 0)
    stated = fields_of(param, Transform) | fields_of(layer.xdn_param, Transform)
    # Without a crop images have to be as large as the input, which a crop of unlike sides has told.
    return Transform(**stated | {"crop_size": h if h == w else 0})


def _epilogue(layer: Message) -> Epilogue | None:
    extra = layer.xdn_param
    activation = _activation(layer) if extra.activation else None
    projection = Convolution(**fields_of(extra.projection, Convolution)) if extra.HasField("projection") else None
    made = Epilogue(extra.residual, activation, projection)
    return made if made.parts else None


def _activation(layer: Message) -> CaffeLayer:
    """Return the fused activation's parameters; `xdn_param` holds them under the names of the activation's own."""
    extra = layer.xdn_param
    known = {name: cls for name, cls in LAYERS.items() if cls.fusable}
    if extra.activation not in known:
        what, mend = f"xdn_param: the activation {extra.activation!r} cannot be fused", f"Known: {', '.join(known)}"
        raise UnsupportedError(what, where=place_of(layer), mend=mend)
    cls = known[extra.activation]
    return cls(**fields_of(extra, cls))


def _quantized(layer: Message, bottoms: Sequence[str]) -> tuple[Reading, ...]:
    """Return as what the layer reads its bottoms.

    8-bit integers, one an `int8` of its `xdn_param`; f32 times weights of few bits, one a `weight_bits`; or all in
    bf16.
    """
    if layer.xdn_param.bf16:
        return _bf16(layer, bottoms)
    if layer.xdn_param.weight_bits:
        return _weights_only(layer)
    found = []
    for place, said in enumerate(layer.xdn_param.int8):
        where = f"{place_of(layer)}: int8 number {place + 1}"
        if not said.HasField("scale"):
            raise NetError("it has no scale", where=where, mend="Write xdn_param { int8 { scale: ... } }")
        with placed(where, ShapeError):
            bits = {name: getattr(said, name) for name in ("bits", "weight_bits") if said.HasField(name)}
            found.append(Quantized(said.scale, said.signed, **bits))
    return tuple(found)


def _weights_only(layer: Message) -> tuple[WeightsOnly, ...]:
    """Return how a layer reads its bottoms whose `xdn_param` says `weight_bits`."""
    if layer.xdn_param.int8:
        what = "it is to read 8-bit integers, and to round its weights only"
        mend = "Keep its int8 scales, or its weight_bits, in xdn_param; the bits of both stand in int8"
        raise NetError(what, where=place_of(layer), mend=mend)
    with placed(place_of(layer), ShapeError):
        return tuple(map(WeightsOnly, layer.xdn_param.weight_bits))


def _bf16(layer: Message, bottoms: Sequence[str]) -> tuple[Bf16, ...]:
    """Return how a layer reads its bottoms whose `xdn_param` says `bf16: true`."""
    if layer.xdn_param.int8 or layer.xdn_param.weight_bits:
        what, lines = "as 8-bit integers", "int8 scales"
        if not layer.xdn_param.int8:
            what, lines = "in f32, times weights of few bits", "weight_bits"
        what, mend = f"it is to read its bottoms in bf16 and {what}", f"Keep bf16: true, or its {lines}, in xdn_param"
        raise NetError(what, where=place_of(layer), mend=mend)
    if not bottoms:
        mend = "Delete its bf16: true (xdn_param): that stands in the layers that read its tops"
        raise NetError("it has no bottoms to read in bf16", where=place_of(layer), mend=mend)
    return (Bf16(),) * len(bottoms)


def _block(layer: Message) -> int:
    """Return of how many numbers the blocks of a layer's weight are that is of a codebook, else 0."""
    said = layer.xdn_param.codebook
    if layer.xdn_param.HasField("codebook") and not said.block:
        mend = "Write xdn_param { codebook { block: ... } }, or delete it"
        raise NetError("its codebook says no block length", where=place_of(layer), mend=mend)
    return int(said.block)


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
    mend += ". A file of your own may bring a type: xdn-run --layer-plugin FILE.py"
    raise UnsupportedError(what, where=f"layer {strange[0].name!r}", mend=mend)


def layer_params(layer: Message) -> LayerParams:
    """Return the typed parameters of the LayerParameter `layer`; `UnknownParams` for a type that is not registered.

    Raises
    ------
    UnsupportedError
        For a layer without a type.
    """
    if not layer.type:
        known = f"Known: {', '.join(LAYERS)}"
        raise UnsupportedError("the layer has no type", where=f"layer {layer.name!r}", mend=known)
    if layer.type not in LAYERS:
        return UnknownParams(layer.type)
    cls = LAYERS[layer.type]
    values = {} if cls.message is None else fields_of(getattr(layer, cls.message.field), cls)
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
    if missing := [top for top, shape in zip(layer.tops, each, strict=True) if top not in said and shape is None]:
        mend = "Say it too, with one more --input-shape NAME=C,H,W for each"
        raise NetError(f"nothing tells the shape of {listed(missing)}", where=f"layer {layer.name!r}", mend=mend)
    pairs = zip(layer.tops, each, strict=True)
    shapes = [(*(shape or (1,))[:1], *said[top]) if top in said else shape for top, shape in pairs]
    return layer.replace(params=replace(layer.params, shape=tuple(shapes)))  # type: ignore[type-var]


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
    _check_shaped(made.layers)
    verify(made)
    return made


def sketch(net: Message, folder: Path | None = None, input_shape: InputShapes | None = None) -> Net:
    """Return the net as `build` does, not verified; inputs may lack shapes, and unknown types have `UnknownParams`."""
    params = [layer_params(layer) for layer in net.layer]
    pairs = zip(net.layer, params, strict=True)
    wirings = single_assignment([Wiring.of(layer, param.is_input) for layer, param in pairs])
    layers = [
        Layer(
            layer.name,
            param,
            wiring.bottoms,
            wiring.tops,
            **_of_training(layer),
            epilogue=_epilogue(layer),
            quantized=_quantized(layer, wiring.bottoms),
            block=_block(layer),
        )
        for layer, param, wiring in zip(net.layer, params, wirings, strict=True)
    ]
    if input_shape is not None:
        layers = _with_input_shapes(layers, input_shape)
    return Net(net.name, tuple(layers), folder=folder)


def _check_shaped(layers: Sequence[Layer]) -> None:
    """Raise NetError where inputs have no shape: one, or how each is named."""
    inputs = [layer for layer in layers if layer.params.is_input]
    bare = [layer for layer in inputs if not layer.params.shape]  # type: ignore[attr-defined]
    if not bare:
        return
    where, names = f"layer {bare[0].name!r} (Input)", [top for layer in bare for top in layer.tops]
    if not names:
        raise NetError("the input has neither a top nor a shape", where=where)
    if sum(len(layer.tops) for layer in inputs) == 1:
        raise NetError("the input declares no shape", where=where, mend="Say it with --input-shape C,H,W")
    what = f"the inputs {listed(names)} declare no shapes" if len(names) > 1 else f"the input {names[0]} declares none"
    raise NetError(what, where=where, mend=f"Say {'each' if len(names) > 1 else 'it'} with --input-shape NAME=C,H,W")


def _of_training(layer: Message) -> dict[str, Any]:
    """Return the names by which the layer's weights are shared, and how training treats each, where it says so."""
    names = tuple(spec.name for spec in layer.param)
    specs = tuple(ParamSpec(**fields_of(spec, ParamSpec)) for spec in layer.param)
    return {
        "shared": names if any(names) else (),
        "param_specs": specs if any(spec != ParamSpec() for spec in specs) else (),
    }
