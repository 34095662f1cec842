"""Scale and Bias by learned values along other axes than the channels: one a position, or one an element of an image.

::

    for position in positions:
        for i in row:                                      all that a position has
            y[i] = f(x[i], the coefficients of the position)

With a value for each element all of them are the channels of one position, as `xdn/kernels/elementwise/affine.py` has
these.
"""

import numpy as np

from xdn.codegen.intrinsics import at, same_place
from xdn.codegen.source import KernelBody
from xdn.element import real
from xdn.graph import Array
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.layout import BATCH, BOTH
from xdn.kernels.core.mathematics import fma
from xdn.kernels.core.portion import portion
from xdn.kernels.elementwise.affine import AFFINE, AFFINE_TYPES, PerChannel
from xdn.layers.broadcast import spread


class PerPosition(Descriptor):
    """`positions` of an image, with `y_pitch` elements each, and a coefficient for each of them."""

    x, y = Place(), Place()
    positions, y_pitch = Size(), Size()
    shift, factor, offset = Pointer(), Pointer(), Pointer()


def _affine_of_positions() -> KernelBody:
    def affine(d, frame):
        x, y, in_place = at(frame, d.x), at(frame, d.y), same_place(d.x, d.y)
        shift, factor, offset, row, positions = d.shift, d.factor, d.offset, d.y_pitch, d.positions
        begin, end = portion(frame, frame.blocks * positions)
        for p in range(begin, end):
            number, first = p % positions, p * row
            m, a, b = shift[number], factor[number], offset[number]
            # Two loops, because a compiler vectorises only where the arrays do not overlap.
            if in_place:
                for i in range(first, first + row):
                    y[i] = fma(y[i] - m, a, b)
            else:
                for i in range(first, first + row):
                    y[i] = fma(x[i] - m, a, b)

    return affine


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
    words = lowering.words(PerPosition, **{name: values.ravel() for name, values in _terms(lowering).items()})
    in_place = {lowering.layer.tops[0]: lowering.layer.bottoms[0]}
    return Lowered(
        [lowering.step("affine_positions", _affine_of_positions, words, serves_both=True)], in_place=in_place
    )


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
