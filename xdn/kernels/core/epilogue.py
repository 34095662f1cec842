"""What contractions do to a tile before they store it: residual sum, activation; and what they are told for that.

Each activation is the formula that its layer's own kernel computes, so that fusing changes no bit of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from llvmlite import ir

from xdn.codegen.builder import VectorBuilder
from xdn.element import REAL, Element, real
from xdn.graph import Array, Layer, LayerParams, Weights
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Size
from xdn.kernels.core.family import Lowering, Reach
from xdn.kernels.core.layout import BATCH
from xdn.layers.function import Function, functions
from xdn.layers.relu import ReLU
from xdn.layers.window import Window


@dataclass(frozen=True)
class Activation:
    """How a kernel applies an activation to a vector.

    Parameters
    ----------
    part : str
        The word that kernel names have for it.
    emit : callable
        (builder, vector, vector of the coefficient) -> vector.
    coefficient : callable
        (parameters, weights) -> one number, or one for each output channel.
    per_channel : bool
        Whether each output channel has a coefficient of its own.
    """

    part: str
    emit: Callable[[VectorBuilder, ir.Value, ir.Value], ir.Value]
    coefficient: Callable[[LayerParams, Weights], Array | float] = lambda params, weights: 0.0
    per_channel: bool = False


def _activation(cls: type[Function]) -> Activation:
    """Return how kernels apply a function that has one constant at most."""

    taken = len(cls().constants())

    def emit(b: VectorBuilder, x: ir.Value, coefficient: ir.Value) -> ir.Value:
        return cls.formula(b, x, *[coefficient][:taken])

    def coefficient(params: LayerParams, weights: Weights) -> float:
        return next(iter(cast(Function, params).constants()), 0.0)

    return Activation(cls.fused_word or cls.word, emit, coefficient)


#: By layer type, every type that is `fusable`; PReLU is a ReLU whose slope is a weight.
ACTIVATIONS = {cls.type: _activation(cls) for cls in functions() if cls.fusable} | {
    "PReLU": Activation("prelu", ReLU.formula, lambda params, weights: weights["slope"], per_channel=True)
}
_BY_PART = {activation.part: activation for activation in ACTIVATIONS.values()}
SUM = "sum"
#: A projection is not part of the end of a tile, but of its sum: what contractions with two sources are called by.
PROJECTION = "projection"


def epilogue_parts(layer: Layer) -> tuple[str, ...]:
    """Return the kernel name's words for what is fused to `layer`."""
    if layer.epilogue is None:
        return ()
    activation = layer.epilogue.activation
    added = (SUM,) * layer.epilogue.residual + (PROJECTION,) * (layer.projection is not None)
    return added + (() if activation is None else (ACTIVATIONS[activation.type].part,))


def coefficients(layer: Layer, channels: int) -> Array:
    """Return the (`channels`,) f32 coefficients of the activation that is fused to `layer`, zeros for none."""
    activation = layer.epilogue.activation if layer.epilogue else None
    value = 0.0 if activation is None else ACTIVATIONS[activation.type].coefficient(activation, layer.weights)
    return np.ascontiguousarray(np.broadcast_to(value, channels), real)


def activation_of(parts: tuple[str, ...]) -> Activation | None:
    """Return the activation among the kernel name's words, None for none."""
    return next((_BY_PART[part] for part in parts if part in _BY_PART), None)


class Fused(Descriptor):
    """What every kernel with an epilogue is told.

    x, y, residual
        The first bottom, the top, and what the epilogue adds.
    weights
        Packed as the kernel reads them.
    bias, coefficients
        What sums begin with, and the activation's coefficient: one for each output channel.
    x_block, y_block
        Elements of a block of images.
    """

    x, y, residual = Place(), Place(), Place()
    weights, bias, coefficients = Pointer(), Pointer(), Pointer()
    x_block, y_block = Size(), Size()


def fused_words(lowering: Lowering, bias: Array | None) -> dict[str, Any]:
    """Return the values of the fields of `Fused` but the weights; `bias` is (K,), None for zeros."""
    layer, top = lowering.layer, lowering.top()
    batch = lowering.schedule is BATCH

    def for_channels(values: Array) -> Array:
        """One value a channel; where vectors are channels, as many as these have."""
        return aligned_vectors(values, top.channels if batch else top.position_elements)

    return {
        "x": layer.bottoms[0],
        "y": layer.tops[0],
        "residual": layer.residual,
        "bias": for_channels(np.zeros(top.channels) if bias is None else bias),
        "coefficients": for_channels(coefficients(layer, top.channels)),
        "x_block": lowering.bottom().block_elements,
        "y_block": top.block_elements,
    }


def fused_reads(lowering: Lowering, window: Window) -> dict[int, Reach]:
    """Return which rows of the bottom, over which `window` slides, and of a residual some rows of the top need."""
    residual = {Fused.residual.slot: Reach()} if lowering.layer.residual else {}
    return {Fused.x.slot: Reach.of(window)} | residual


def store_images(
    b: VectorBuilder, tile: list[list[ir.Value]], parts: tuple[str, ...], residual: ir.Value, y: ir.Value, at: ir.Value
) -> None:
    """Emit the epilogue and the only store of a tile: channels of vectors of a block's images.

    Parameters
    ----------
    b : VectorBuilder
    tile : channels of vectors
    parts : tuple of str
        As `epilogue_parts` gives them.
    residual, y : pointer to f32
        The tile's first element.
    at : pointer to f32
        The coefficient of the tile's first channel.
    """
    activation, images = activation_of(parts), b.target.block_images
    shared = b.broadcast(b.scalar(at))
    for r, row in enumerate(tile):
        coefficient = b.broadcast(b.scalar(at, r)) if activation and activation.per_channel else shared
        for v, value in enumerate(row):
            if SUM in parts:
                value = b.add(value, b.load(b.offset(residual, r * images), v))
            if activation:
                value = activation.emit(b, value, coefficient)
            b.store(value, b.offset(y, r * images), v)


def store_channels(
    b: VectorBuilder,
    tile: Sequence[Sequence[ir.Value]],
    offsets: Sequence[ir.Value],
    parts: tuple[str, ...],
    residual: ir.Value,
    y: ir.Value,
    at: ir.Value,
    element: Element = REAL,
) -> None:
    """Emit the epilogue and the only store of a tile: positions of vectors of channels.

    Parameters
    ----------
    b : VectorBuilder
    tile : positions of vectors
    offsets : i64 values
        Where each position lies after `residual` and `y`, in elements.
    parts : tuple of str
        As `epilogue_parts` gives them.
    residual, y : pointer
    at : pointer to f32
        The coefficient of the tile's first channel; one for each channel follows.
    element : Element
        Of residual and y: f32 or bf16.
    """
    activation = activation_of(parts)
    if SUM in parts:
        # All residuals before the first store, which may go to their place: a position may stand in a tile twice.
        tile = [
            [b.add(value, b.load_stored(b.offset(residual, offset), v, element)) for v, value in enumerate(row)]
            for offset, row in zip(offsets, tile, strict=True)
        ]
    shared = b.broadcast(b.scalar(at))
    for offset, row in zip(offsets, tile, strict=True):
        for v, value in enumerate(row):
            if activation:
                coefficient = b.load(at, v) if activation.per_channel else shared
                value = activation.emit(b, value, coefficient)
            b.store_stored(value, b.offset(y, offset), v, element)
