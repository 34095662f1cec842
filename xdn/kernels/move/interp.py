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


class Interp(Descriptor):
    """Positions of y, elements of blocks and of a row.

    corners, weights
        Four positions of x for each of y; what dy and dx leave and are there.
    """

    x, y = Place(), Place()
    corners, weights = Pointer(S64), Pointer()
    positions, x_block, y_block, y_pitch = (Size() for _ in range(4))


def _interp() -> KernelBody:
    def interp(d, frame):
        corners, weights, row = d.corners, d.weights, d.y_pitch
        begin, stop = portion(frame, d.positions)
        for block in range(frame.blocks):
            x, y = at_element(frame, d.x, block * d.x_block), at_element(frame, d.y, block * d.y_block)
            for p in range(begin, stop):
                above_left, below_left = corners[4 * p] * row, corners[4 * p + 1] * row
                above_right, below_right = corners[4 * p + 2] * row, corners[4 * p + 3] * row
                up, down, left, right = weights[4 * p], weights[4 * p + 1], weights[4 * p + 2], weights[4 * p + 3]
                for i in range(row):
                    first = up * x[above_left + i] + down * x[below_left + i]
                    second = up * x[above_right + i] + down * x[below_right + i]
                    y[p * row + i] = left * first + right * second

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
    words = lowering.words(Interp, corners=corners, weights=weights)
    return Lowered([lowering.step("interp", _interp, words, serves_both=True)])


def interp_tables(lowering: Lowering) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners' positions (P*Q, 4) and their weights (P*Q, 4)."""
    rows, columns = lowering.params.corners([blob.shape for blob in lowering.bottoms])
    pitch = lowering.bottom().width
    around = [
        row[:, None] * pitch + column for column in (columns.before, columns.after) for row in (rows.before, rows.after)
    ]
    corners = np.stack(around, axis=-1)
    weights = np.empty(corners.shape, real)
    weights[..., 0], weights[..., 1] = rows.rest[:, None], rows.share[:, None]
    weights[..., 2], weights[..., 3] = columns.rest, columns.share
    return np.ascontiguousarray(corners.reshape(-1, 4), np.int64), weights.reshape(-1, 4)
