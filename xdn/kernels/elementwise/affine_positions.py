"""Scale and Bias by learned values along other axes than the channels: one a position, or one an element of an image.

::

    for position in positions:
        for i in row:                                      all that a position has
            y[i] = f(x[i], the coefficients of the position)

The loops are those of `xdn/kernels/elementwise/affine.py`, of the batch schedule: positions take the place of channels.
With a value for each element all of them are the channels of one position.
"""

import numpy as np

from xdn.element import real
from xdn.graph import Array
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BATCH, BOTH
from xdn.kernels.elementwise.affine import AFFINE, AFFINE_TYPES, PerChannel
from xdn.layers.broadcast import spread


def _first_axis(lowering: Lowering) -> int:
    """Return the first axis along which the learned values of a layer lie; past the last one where there is one value.

    0 of a layer whose values are another blob.
    """
    params, bottoms = lowering.params, lowering.bottoms
    if len(bottoms) > 1:
        return 0
    return bottoms[0].axis(params.axis) if params.operand_shape(bottoms) else len(bottoms[0].shape)


def _spread_over(lowering: Lowering, values: Array) -> Array:
    """Return coefficients for all elements of an image that differ in them: (positions, channels), or channels 1."""
    shape = lowering.bottoms[0].shape
    laid = spread(values, lowering.params.axis, len(shape))
    laid = laid.reshape((1,) * (len(shape) - laid.ndim) + laid.shape)[0]
    channels = shape[1] if _first_axis(lowering) == 1 else 1
    return np.moveaxis(np.broadcast_to(laid, (channels, *shape[2:])), 0, -1).reshape(-1, channels)


def _terms(lowering: Lowering) -> dict[str, Array]:
    """Return shift, factor and offset as `_spread_over` gives them."""
    terms = AFFINE_TYPES[lowering.layer.type][1](lowering)
    named = zip(("shift", "factor", "offset"), terms, strict=True)
    return {name: np.ascontiguousarray(_spread_over(lowering, term), real) for name, term in named}


@family("affine_positions", "Scale", "Bias", when=lambda lowering: _first_axis(lowering) > 1, schedules=BOTH)
def lower_positions(lowering: Lowering) -> Lowered:
    """Multiply by one factor a position, or add one offset."""
    top, kept = lowering.top(), {name: values.ravel() for name, values in _terms(lowering).items()}
    words = lowering.words(PerChannel, positions=1, channels=top.positions, images=top.position_elements, **kept)
    in_place = {lowering.layer.tops[0]: lowering.layer.bottoms[0]}
    return Lowered([lowering.step("affine", AFFINE[0], words, serves_both=True)], in_place=in_place)


def _covers_channels_and_more(lowering: Lowering) -> bool:
    """Return whether the values lie along the channels and axes after them."""
    return _first_axis(lowering) == 1 and len(lowering.params.operand_shape(lowering.bottoms)) > 1


@family("affine_elements", "Scale", "Bias", when=_covers_channels_and_more, schedules=BOTH)
def lower_elements(lowering: Lowering) -> Lowered:
    """Multiply each element of an image by its factor, or add its offset."""
    top, batch = lowering.top(), lowering.schedule is BATCH
    pitch = top.channels if batch else top.position_elements
    kept = {}
    for name, values in _terms(lowering).items():
        filled = np.zeros((len(values), pitch), real)
        filled[:, : top.channels] = values
        kept[name] = aligned_vectors(filled)
    words = lowering.words(PerChannel, positions=1, channels=top.positions * pitch, **kept)
    in_place = {lowering.layer.tops[0]: lowering.layer.bottoms[0]}
    return Lowered([lowering.step("affine", AFFINE[0 if batch else 1], words)], in_place=in_place)
