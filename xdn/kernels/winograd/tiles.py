"""Tiles of a map: where their values lie, how many are transformed at a time, what Winograd's kernels are told.

A *position* of the transformed inputs (V) and of the products (M) is a tile of the output map in a block of images.
"""

from dataclasses import dataclass

import numpy as np

from xdn.codegen.target import Target
from xdn.element import REAL
from xdn.graph import Array
from xdn.kernels.contract.task import filters_of
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.epilogue import fused_words
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.layout import BATCH, BlockLayout
from xdn.kernels.core.rows import row_elements
from xdn.kernels.core.tables import shared
from xdn.kernels.winograd.kernel import Filtering
from xdn.kernels.winograd.transform import Winograd

#: Positions of one image that are transformed at a time at least, so that the transformed filters, which may lie
#: outside of the core's cache, are read seldom.
_LEAST_POSITIONS = 24


@dataclass(frozen=True)
class Unit:
    """Positions that are transformed at a time, so that V and M stay in the core's cache.

    Parameters
    ----------
    algorithm : Winograd
    target : Target
    v_pitch, m_pitch : int
        f32 from one position of V, and of M, to the next.
    least : int
        Positions at least.
    """

    algorithm: Winograd
    target: Target
    v_pitch: int
    m_pitch: int
    least: int = 1

    @property
    def positions(self) -> int:
        """How many they are: those for which half of the cache has room."""
        position_bytes = self.algorithm.elements * (self.v_pitch + self.m_pitch) * REAL.bytes
        return max(self.least, self.target.core_cache_bytes // 2 // position_bytes)

    def fields(self) -> dict[str, int]:
        """Return the fields of `Filtering` that say this."""
        count = self.positions
        v, m = (count * self.algorithm.elements * pitch for pitch in (self.v_pitch, self.m_pitch))
        return {"unit": count, "v": v, "m": m, "v_pitch": self.v_pitch, "m_pitch": self.m_pitch}


def unit_of(lowering: Lowering, algorithm: Winograd) -> Unit:
    """Return which positions are transformed at a time."""
    target, layouts = lowering.target, (lowering.bottom(), lowering.top())
    # Distances that are powers of two would all fall into one set of a cache.
    if lowering.schedule is BATCH:
        v_pitch, m_pitch = ((layout.channels | 1) * target.block_images for layout in layouts)
        return Unit(algorithm, target, v_pitch, m_pitch)
    v_pitch, m_pitch = (layout.position_elements + target.lanes for layout in layouts)
    return Unit(algorithm, target, v_pitch, m_pitch, _LEAST_POSITIONS)


def filtering(lowering: Lowering, unit: Unit, weights: Array, sizes: list[int], rows: int = 1) -> Filtering:
    """Return what a kernel is told.

    Parameters
    ----------
    lowering : Lowering
    unit : Unit
    weights : array
        Transformed filters, packed.
    sizes : list of int
        Of the register tiles (batch schedule) or panels (channel schedule), the larger ones first.
    rows : int
        Positions that the channel schedule multiplies at a time.
    """
    bottom, top = lowering.bottom(), lowering.top()
    in_row = row_elements(lowering.target, lowering.schedule)
    inputs, outputs = tile_tables(lowering, unit.algorithm)
    return Filtering(
        weights=weights,
        **fused_words(lowering, lowering.layer.weights.get("bias")),
        zeros=aligned_vectors(np.empty(0), bottom.position_elements),
        inputs=inputs,
        outputs=outputs,
        tile_count=len(inputs),
        channels=bottom.channels,
        x_rows=bottom.position_elements // in_row,
        y_rows=top.position_elements // in_row,
        full=sizes.count(sizes[0]),
        small=len(sizes) - sizes.count(sizes[0]),
        full_size=sizes[0],
        rows=rows,
        **unit.fields(),
    )


def filtering_macs(lowering: Lowering, algorithm: Winograd) -> int:
    """Return the multiply-adds of the products of one image."""
    inputs, _ = tile_tables(lowering, algorithm)
    return len(inputs) * algorithm.elements * lowering.bottom().channels * lowering.top().channels


def tile_tables(lowering: Lowering, algorithm: Winograd) -> tuple[Array, Array]:
    """Return (tiles, elements) offsets of inputs and (tiles, m*m) of results, in f32 of a block; -1: none."""
    return _tile_tables(lowering.bottom(), lowering.top(), filters_of(lowering.layer).window(2).pad, algorithm)


@shared
def _tile_tables(
    bottom: BlockLayout, top: BlockLayout, pad: tuple[int, ...], algorithm: Winograd
) -> tuple[Array, Array]:
    pad_h, pad_w = pad
    m, size = algorithm.outputs, algorithm.inputs

    def offsets(layout: BlockLayout, rows: Array, columns: Array) -> Array:
        inside = ((rows >= 0) & (rows < layout.height))[:, None] & ((columns >= 0) & (columns < layout.width))[None, :]
        offset = (rows[:, None] * layout.width + columns[None, :]) * layout.position_elements
        return np.where(inside, offset, -1).ravel()

    corners = [(p, q) for p in range(0, top.height, m) for q in range(0, top.width, m)]
    inputs = [offsets(bottom, p - pad_h + np.arange(size), q - pad_w + np.arange(size)) for p, q in corners]
    outputs = [offsets(top, p + np.arange(m), q + np.arange(m)) for p, q in corners]
    return np.array(inputs, np.int64), np.array(outputs, np.int64)
