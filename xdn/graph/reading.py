"""How layers read and store 8-bit integers or bf16: what follows for blobs, and errors of layers that do not fit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from xdn.element import REAL
from xdn.errors import ShapeError, UnsupportedError
from xdn.graph.blob import Array, Blob, Shape
from xdn.graph.epilogue import PROJECTION_PREFIX
from xdn.graph.layer import Layer
from xdn.graph.params import LayerParams, Weights
from xdn.graph.quantized import MOST_WEIGHT, Quantized, Reading, reading_of

#: Name of the weight (K,) that says what 1 stands for in each filter, beside weights that are rounded to integers.
SCALES = "weight_scale"
#: Sums of products stay below this, and a bias below what is left of s32: no sum that a kernel makes can overflow.
MOST_SUM, MOST_BIAS = 2**31 - 1 - 2**30, 2**30

_LINE, _BITS_LINE = "xdn_param { int8 { scale: ... } }", "xdn_param { weight_bits: ... }"


def scale_shapes(layer: Layer, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """Return name -> shape of the scales of filters that are among the weights of a layer, whose others have `shapes`.

    They are the layer's own and those of a fused projection; either may be without.
    """
    filters = {"": layer.params, PROJECTION_PREFIX: layer.projection}
    return {
        prefix + SCALES: (params.filter_count,)
        for prefix, params in filters.items()
        if params is not None and prefix + SCALES in layer.weights and prefix + "weight" in shapes
    }


def without_scales(weights: Weights) -> dict[str, Array]:
    """Return the weights of a layer without the scales of its filters."""
    return {name: array for name, array in weights.items() if name not in (SCALES, PROJECTION_PREFIX + SCALES)}


def most_products(read: Quantized) -> int:
    """Return how many products of an integer and a weight may be summed, both in 8 bits, as sessions have them."""
    low, high = read.in_full.range
    return MOST_SUM // (MOST_WEIGHT * max(-low, high))


def require_f32(layers: Sequence[Layer], what: str) -> None:
    """Raise UnsupportedError where a layer does not compute with f32; `what` takes none, a clause without object."""
    for layer in layers:
        if layer.rounds_weights_only:
            mend = "Delete its weight_bits (xdn_param) from the prototxt; round weights last"
            raise UnsupportedError(f"{what} a layer whose weights have few bits", where=layer.place, mend=mend)
        if layer.integers:
            mend = "Delete its int8 scales (xdn_param) from the prototxt; calibrate last"
            raise UnsupportedError(f"{what} a layer that reads 8-bit integers", where=layer.place, mend=mend)
    refuse_bf16(layers, what)


def refuse_bf16(layers: Iterable[Layer], what: str) -> None:
    """Raise UnsupportedError where a layer reads bf16; `what` takes none, a clause without object."""
    for layer in layers:
        if layer.reads_bf16:
            mend = "Delete its bf16: true (xdn_param) from the prototxt"
            raise UnsupportedError(f"{what} a layer that reads bf16", where=layer.place, mend=mend)


def as_values(layer: Layer, bottoms: Sequence[Blob]) -> list[Blob]:
    """Return all bottoms of a layer that reads 8-bit integers or bf16 as the blobs of f32 values that these stand for.

    ShapeError where the layer does not say how it reads each bottom, or a blob that is not of f32 is not what it reads.
    """
    if layer.reads_bf16:
        _check_bf16(layer)
    elif layer.integers and layer.rounds_weights_only:
        what = "it is to read 8-bit integers, and to round its weights only"
        raise ShapeError(what, mend="Keep its int8 scales (xdn_param), or its weight_bits")
    counts = {len(layer.bottoms)} | ({len(layer.own_bottoms)} if layer.residual else set())
    if len(layer.quantized) not in counts:
        expected = " or ".join(map(str, sorted(counts)))
        lines, line = ("weight_bits", _BITS_LINE) if layer.rounds_weights_only else ("int8 scales", _LINE)
        what = f"{len(layer.quantized)} {lines} are given; the layer has {expected} bottoms"
        raise ShapeError(what, mend=f"Give one {line} a bottom, in their order, or none to compute the layer in f32")
    # A residual without a scale is read in f32.
    read: list[Reading | None] = [*layer.quantized, None][: len(bottoms)]
    for name, blob, how in zip(layer.bottoms, bottoms, read, strict=True):
        if blob.element != REAL and reading_of(blob) != how:
            raise ShapeError(f"its bottom {name!r} holds {_named(blob)}, which it reads as {how or 'f32'}")
    return [replace(blob, element=REAL, scale=1.0) for blob in bottoms]


def _check_bf16(layer: Layer) -> None:
    """Raise ShapeError where a layer does not read all its bottoms in bf16."""
    if layer.integers:
        what = "it is to read bottoms in bf16 and as 8-bit integers"
        raise ShapeError(what, mend="Keep its int8 scales (xdn_param), or bf16: true")
    if len(layer.quantized) != len(layer.bottoms):
        what = f"it is to read {len(layer.quantized)} of its {len(layer.bottoms)} bottoms in bf16"
        raise ShapeError(what, mend="It reads all of them in bf16, or all in f32")


def check_form(layer: Layer, values: Sequence[Blob]) -> None:
    """Raise UnsupportedError where a layer cannot read as it is to; `values` as `as_values` gives them.

    Its type has no 8-bit form, or none of bf16, or it sums more products than 32 bits hold. Shapes were found to fit.
    """
    if layer.reads_bf16:
        what, lines, reason = "bf16", "bf16: true", why_no_bf16(layer, values)
    elif layer.rounds_weights_only:
        reason = None if layer.params.filter_count else f"{layer.type} has no filters"
        what, lines = "f32 with weights of few bits", "weight_bits"
    else:
        what, lines, reason = "8-bit integers", "int8 scales", why_real(layer, values, layer.integers)
    if reason is not None:
        mend = f"Delete its {lines}: it then computes in f32"
        raise UnsupportedError(f"the layer is to read {what}, but {reason}", mend=mend)


def why_real(layer: Layer, bottoms: Sequence[Blob], read: Sequence[Quantized] = ()) -> str | None:
    """Return why a layer can only read f32 values, a clause; None where it can read 8-bit integers.

    Parameters
    ----------
    layer : Layer
    bottoms : sequence of Blob
        All that it reads, as blobs of f32.
    read : sequence of Quantized
        As what it would read them; as u8 where they are left out.
    """
    own = len(layer.own_bottoms)
    if layer.params.selects_only(bottoms[:own], len(layer.tops)):
        return f"{layer.type} hands values on as they are: in 8 bits where the layers after it read them so"
    activation = layer.epilogue.activation if layer.epilogue else None
    if activation is not None and not activation.same_bits:
        return f"its fused {activation.type} has other bits on other processors"
    read = read or (Quantized(1.0),) * len(bottoms)
    reason = _why_real(layer.params, bottoms[:own], read[0])
    return reason or (_why_real(layer.projection, bottoms[own:], read[-1]) if layer.projection else None)


def why_no_bf16(layer: Layer, bottoms: Sequence[Blob]) -> str | None:
    """Return why a layer cannot read its bottoms in bf16, a clause; None where it can.

    `bottoms` are all that it reads, as blobs of f32.
    """
    own = bottoms[: len(layer.own_bottoms)]
    if layer.params.selects_only(own, len(layer.tops)):
        return f"{layer.type} hands values on as they are: in bf16 where the layers after it read them so"
    reason = layer.params.why_no_bf16(own)
    return reason and f"{layer.type} {reason}"


def _why_real(params: LayerParams, bottoms: Sequence[Blob], read: Quantized) -> str | None:
    products, most = params.products(bottoms), most_products(read)
    if products > most:
        return f"it sums {products} products; at most {most} certainly fit into 32 bits"
    reason = params.why_real(bottoms)
    return reason and f"{params.type} {reason}"


def is_carried(layer: Layer, bottoms: Sequence[Blob]) -> bool:
    """Return whether some bottom is not of f32 values and the layer hands its values on as they are.

    UnsupportedError where it would compute with other values than f32, and does not say that it reads integers.
    """
    elements = [bottom.element for bottom in bottoms]
    if elements.count(REAL) == len(elements):
        return False
    if not layer.params.selects_only(bottoms, len(layer.tops)):
        name, blob = next(each for each in zip(layer.bottoms, bottoms, strict=False) if each[1].element != REAL)
        raise UnsupportedError(f"it computes in f32, but its bottom {name!r} holds {_named(blob)}")
    return True


def as_carried(bottoms: Sequence[Blob], tops: Sequence[Blob]) -> tuple[Blob, ...]:
    """Return the tops of a layer that hands values on, with what its bottoms hold; ShapeError where these differ."""
    held = {_named(bottom) for bottom in bottoms}
    if len(held) > 1:
        named = ", ".join(sorted(held))
        raise ShapeError(f"the layer moves values of several elements ({named}) into one blob")
    return tuple(replace(top, element=bottoms[0].element, scale=bottoms[0].scale) for top in tops)


def as_stored(layer: Layer, tops: Sequence[Blob]) -> tuple[Blob, ...]:
    """Return the tops as the layer stores them; ShapeError where it does not say so of each."""
    if len(layer.stored) != len(tops):
        raise ShapeError(f"how {len(layer.stored)} tops are stored is given, of {len(tops)}")
    return tuple(
        top
        if how is None
        else replace(top, element=how.element, scale=how.scale if isinstance(how, Quantized) else 1.0)
        for top, how in zip(tops, layer.stored, strict=True)
    )


def _named(blob: Blob) -> str:
    """Return what a blob holds, in words; equal where the values are stored alike."""
    return blob.element.name if blob.scale == 1 else f"{blob.element.name} of scale {blob.scale:.9g}"
