"""Images of another size as sums with weights of rows and of columns: resampling, and unpooling without a mask.

Each place of an axis has a list of the places that it is made of, with their weights::

    for p, q in positions:
        y[p, q][:] = 0
        for row, share in rows[p]:
            for column, weight in columns[q]:
                for i in row of x:
                    y[p, q][i] += share * weight * x[row, column][i]
"""

from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np

from xdn.codegen.intrinsics import at_element
from xdn.codegen.source import KernelBody
from xdn.element import S64, real
from xdn.graph import Array, Blob
from xdn.kernels.core.descriptor import Descriptor, Place, Pointer, Size
from xdn.kernels.core.family import Lowered, Lowering, family
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import BOTH
from xdn.kernels.core.portion import portion
from xdn.kernels.core.work import Phase
from xdn.layers.resampling import Resampling
from xdn.layers.unpooling import Unpooling

#: Of a vector: to be made zero, and for each product.
_CYCLES, _TAP_CYCLES = 2.5, 3.0


class Resample(Descriptor):
    """Positions and columns of y, columns of x, elements of blocks and of a position.

    row_ends, column_ends
        For each place the end of its list; it begins where the one before it ends.
    """

    x, y = Place(), Place()
    row_ends, column_ends = Pointer(S64), Pointer(S64)
    rows, columns = Pointer(S64), Pointer(S64)
    shares, weights = Pointer(), Pointer()
    positions, y_width, x_width, x_block, y_block, y_pitch = (Size() for _ in range(6))


def _resample() -> KernelBody:
    def resample(d, frame):
        row_ends, column_ends, shares, weights = d.row_ends, d.column_ends, d.shares, d.weights
        rows, columns, y_width, x_width, pitch = d.rows, d.columns, d.y_width, d.x_width, d.y_pitch
        begin, stop = portion(frame, d.positions)
        for block in range(frame.blocks):
            x, y = at_element(frame, d.x, block * d.x_block), at_element(frame, d.y, block * d.y_block)
            for position in range(begin, stop):
                p, q = position // y_width, position % y_width
                out = position * pitch
                for i in range(pitch):
                    y[out + i] = real(0)
                for r in range(row_ends[p], row_ends[p + 1]):
                    for c in range(column_ends[q], column_ends[q + 1]):
                        source = (rows[r] * x_width + columns[c]) * pitch
                        weight = shares[r] * weights[c]
                        for i in range(pitch):
                            y[out + i] += weight * x[source + i]

    return resample


@dataclass(frozen=True, eq=False)
class _List:
    """What each place of an axis of the top is made of.

    Parameters
    ----------
    ends : (P + 1,) int64
        Where the list of each place begins, and the last one ends.
    places : (T,) int64
        Of the bottom.
    weights : (T,) f32
    """

    ends: Array
    places: Array
    weights: Array

    @staticmethod
    def of(weights: Array) -> "_List":
        """Return the list of what is not zero in weights (P, H)."""
        made, places = np.nonzero(weights)
        ends = np.searchsorted(made, np.arange(len(weights) + 1))
        return _List(ends.astype(np.int64), places.astype(np.int64), np.ascontiguousarray(weights[made, places], real))


@lru_cache(maxsize=16)
def _lists(params: Resampling | Unpooling, bottoms: tuple[Blob, ...]) -> tuple[_List, _List]:
    """Return the lists of rows and of columns."""
    rows, columns = map(_List.of, params.laid_out(bottoms))
    return rows, columns


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return the time of a product for each that gives to a position, for each vector of it."""
    given = [len(each.places) for each in _lists(lowering.params, tuple(lowering.bottoms))]
    return lowering.moving(_CYCLES + _TAP_CYCLES * prod(given) / lowering.top().positions)


def _footprint(lowering: Lowering) -> Footprint:
    """Return what lists take of all places, and the matrices that they are made of."""
    pairs = zip(lowering.bottoms[0].shape[2:], lowering.tops[0].shape[2:], strict=True)
    weights = sum(old * new for old, new in pairs)
    return Footprint(kept=20 * weights, making=40 * weights)


@family(
    "resample",
    *("Resample", "ImResize", "Downsample", "CentredUnpooling", "Unpooling"),
    when=lambda lowering: lowering.layer.type != "Unpooling" or len(lowering.bottoms) == 1,
    schedules=BOTH,
    phases=_phases,
    footprint=_footprint,
)
def lower_resample(lowering: Lowering) -> Lowered:
    """Sum up what rows and columns give to each position."""
    rows, columns = _lists(lowering.params, tuple(lowering.bottoms))
    words = lowering.words(
        Resample,
        row_ends=rows.ends,
        column_ends=columns.ends,
        rows=rows.places,
        columns=columns.places,
        shares=rows.weights,
        weights=columns.weights,
        y_width=lowering.top().width,
        x_width=lowering.bottom().width,
    )
    return Lowered([lowering.step("resample", _resample, words, serves_both=True)])
