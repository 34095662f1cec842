"""Bilinear interpolation: each position from four, whose weights depend on the position alone.

::

    for position in positions:
        for i in row:
            left  = (1 - dy) * x[above left][i]  + dy * x[below left][i]
            right = (1 - dy) * x[above right][i] + dy * x[below right][i]
            y[i]  = (1 - dx) * left + dx * right
"""

import numpy as np

from xdn.codegen.intrinsics import at_element
from xdn.codegen.source import KernelBody
from xdn.element import S64, real
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion
from xdn.layers.interpolation import Corners


class Interp(Descriptor):
    """Positions of y, elements of blocks and of positions, and the `row` of them that is computed.

    corners, weights
        Four positions of x for each of y; what dy and dx leave and are there.
    y_begin
        Where the row begins among the elements of a position of y.
    """

    x, y = Place(), Place()
    corners, weights = Pointer(S64), Pointer()
    positions, x_block, y_block, x_pitch, y_pitch, y_begin, row = (Size() for _ in range(7))


def _interp() -> KernelBody:
    def interp(d, frame):
        corners, weights, row, pitch = d.corners, d.weights, d.row, d.x_pitch
        begin, stop = portion(frame, d.positions)
        for block in range(frame.blocks):
            x, y = at_element(frame, d.x, block * d.x_block), at_element(frame, d.y, block * d.y_block)
            for p in range(begin, stop):
                above_left, below_left = corners[4 * p] * pitch, corners[4 * p + 1] * pitch
                above_right, below_right = corners[4 * p + 2] * pitch, corners[4 * p + 3] * pitch
                out = p * d.y_pitch + d.y_begin
                up, down, left, right = weights[4 * p], weights[4 * p + 1], weights[4 * p + 2], weights[4 * p + 3]
                for i in range(row):
                    first = up * x[above_left + i] + down * x[below_left + i]
                    second = up * x[above_right + i] + down * x[below_right + i]
                    y[out + i] = left * first + right * second

    return interp


def interp_footprint(lowering: Lowering) -> Footprint:
    """Return what four corners and four weights a position take."""
    return Footprint(48, 40) * lowering.top().positions


@family(
    "interp",
    "Interp",
    "DeephiResize",
    "Resize",
    when=lambda lowering: not lowering.params.moves_only(lowering.bottoms),
    schedules=BOTH,
    footprint=interp_footprint,
)
def lower_interp(lowering: Lowering) -> Lowered:
    """Interpolate between four positions."""
    corners, weights = interp_tables(lowering)
    words = lowering.words(Interp, corners=corners, weights=weights, y_begin=0, row=lowering.top().position_elements)
    return Lowered([lowering.step("interp", _interp, words, serves_both=True)])


@family(
    "accum",
    "Accum",
    schedules=BOTH,
    footprint=lambda lowering: interp_footprint(lowering) * len(lowering.bottoms),
)
def lower_accum(lowering: Lowering) -> Lowered:
    """Interpolate each bottom into channels of its own."""
    params, top, steps, begin = lowering.params, lowering.top(), [], 0
    for number in range(params.joined(len(lowering.bottoms))):
        bottom = lowering.bottom(number)
        corners, weights = _tables(params.corners(lowering.bottoms, number), bottom.width)
        words = lowering.words(
            Interp,
            x=lowering.layer.bottoms[number],
            corners=corners,
            weights=weights,
            x_block=bottom.block_elements,
            x_pitch=bottom.position_elements,
            y_begin=begin,
            row=bottom.channels * bottom.images,
        )
        steps.append(lowering.step("interp", _interp, words, serves_both=True))
        begin += bottom.channels * top.images
    return Lowered(steps)


def interp_tables(lowering: Lowering) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners' positions (P*Q, 4) and their weights (P*Q, 4)."""
    return _tables(lowering.params.corners([blob.shape for blob in lowering.bottoms]), lowering.bottom().width)


def _tables(along: tuple[Corners, Corners], pitch: int) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and weights of what lies between such rows and columns of an image `pitch` wide."""
    rows, columns = along
    around = [
        row[:, None] * pitch + column for column in (columns.before, columns.after) for row in (rows.before, rows.after)
    ]
    corners = np.stack(around, axis=-1)
    weights = np.empty(corners.shape, real)
    weights[..., 0], weights[..., 1] = rows.rest[:, None], rows.share[:, None]
    weights[..., 2], weights[..., 3] = columns.rest, columns.share
    return np.ascontiguousarray(corners.reshape(-1, 4), np.int64), weights.reshape(-1, 4)
