"""Bilinear interpolation: each position from four, whose shares depend on the position alone.

::

    for position in positions:
        for i in row:
            left  = (1 - dy) * x[above left][i]  + dy * x[below left][i]
            right = (1 - dy) * x[above right][i] + dy * x[below right][i]
            y[i]  = (1 - dx) * left + dx * right
"""

import numpy as np

from xdn.codegen.compiler import KernelSource
from xdn.codegen.intrinsics import f32_at, i64_at
from xdn.codegen.names import KernelName
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import ARENA, BLOCKS, BOTH
from xdn.kernels.core.portion import portion
from xdn.layers.interpolation import Corners

#: CORNERS: four positions of x for each of y; SHARES: what dy and dx are there, and what they leave.
X, Y, CORNERS, SHARES, POSITIONS, X_BLOCK, Y_BLOCK, ROW = range(8)


def _interp():
    def interp(desc, frame):
        corners, shares, row = i64_at(desc[CORNERS]), f32_at(desc[SHARES]), desc[ROW]
        begin, stop = portion(frame, desc[POSITIONS])
        for block in range(frame[BLOCKS]):
            x = f32_at(frame[ARENA] + desc[X] + block * desc[X_BLOCK] * 4)
            y = f32_at(frame[ARENA] + desc[Y] + block * desc[Y_BLOCK] * 4)
            for p in range(begin, stop):
                a, b = corners[4 * p] * row, corners[4 * p + 1] * row
                c, d = corners[4 * p + 2] * row, corners[4 * p + 3] * row
                up, down, left, right = shares[4 * p], shares[4 * p + 1], shares[4 * p + 2], shares[4 * p + 3]
                for i in range(row):
                    first = up * x[a + i] + down * x[b + i]
                    second = up * x[c + i] + down * x[d + i]
                    y[p * row + i] = left * first + right * second

    return interp


@family(
    "interp",
    "Interp",
    "DeephiResize",
    when=lambda lowering: not lowering.layer.params.moves_only(lowering.bottoms),
    schedules=BOTH,
    # Four places and four shares a position.
    footprint=lambda lowering: Footprint(48, 40) * lowering.top().positions,
)
def lower_interp(lowering: Lowering) -> Lowered:
    """Interpolate between four positions."""
    layer, bottom, top = lowering.layer, lowering.bottom(), lowering.top()
    rows, columns = layer.params.corners([blob.shape for blob in lowering.bottoms])
    corners, shares = _tables(rows, columns, bottom.width)
    sizes = {
        CORNERS: address(corners),
        SHARES: address(shares),
        POSITIONS: top.positions,
        X_BLOCK: bottom.block_elements,
        Y_BLOCK: top.block_elements,
        ROW: top.position_elements,
    }
    source = KernelSource(KernelName("interp", lowering.target.name), _interp)
    return Lowered([Step(source, words(8, sizes), {X: layer.bottoms[0], Y: layer.tops[0]}, (corners, shares))])


def _tables(rows: Corners, columns: Corners, pitch: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners' positions (P*Q, 4) and the shares (P*Q, 4); `pitch`: positions in a row of the bottom."""
    around = [
        row[:, None] * pitch + column for column in (columns.before, columns.after) for row in (rows.before, rows.after)
    ]
    corners = np.stack(around, axis=-1)
    shares = np.empty(corners.shape, np.float32)
    shares[..., 0], shares[..., 1] = (1 - rows.share)[:, None], rows.share[:, None]
    shares[..., 2], shares[..., 3] = 1 - columns.share, columns.share
    return np.ascontiguousarray(corners.reshape(-1, 4), np.int64), shares.reshape(-1, 4)
