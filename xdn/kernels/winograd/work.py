"""What Winograd's algorithm takes, as a roofline sees it: transforms of inputs, products, transforms of results.

The loops are those of `batch_kernel.py` and `channel_kernel.py`.
"""

from dataclasses import dataclass
from math import ceil

from xdn.element import REAL
from xdn.kernels.contract.task import spread
from xdn.kernels.contract.work import fastest_tile, tile_cycles
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.layout import BATCH
from xdn.kernels.core.tables import shared
from xdn.kernels.core.work import Handed, Loop, Phase, Setting, Weights
from xdn.kernels.winograd.tiles import Unit

#: Cycles that the transforms of inputs and of results take for a vector of a tile, by m; operands in the first cache.
_TRANSFORM_CYCLES = {2: (40.0, 35.0), 4: (110.0, 95.0)}
#: Cycles for what is done once a tile.
_TILE = 60.0


@dataclass(frozen=True)
class Products:
    """The products of all elements of a block's tiles.

    Parameters
    ----------
    unit : Unit
    of_images : bool
        Vectors are images, as in the batch schedule.
    channels, filters, tiles : int
    setting : Setting
    """

    unit: Unit
    of_images: bool
    channels: int
    filters: int
    tiles: int
    setting: Setting

    @staticmethod
    def of(lowering: Lowering, unit: Unit) -> "Products":
        """Return those of a layer."""
        top, m = lowering.top(), unit.algorithm.outputs
        tiles, of_images = ceil(top.height / m) * ceil(top.width / m), lowering.schedule is BATCH
        return Products(unit, of_images, lowering.bottom().channels, top.channels, tiles, lowering.setting)

    @property
    def at_once(self) -> int:
        """Positions that are transformed at a time."""
        return min(self.unit.positions, self.tiles * self.setting.blocks)

    @property
    def scratch_bytes(self) -> tuple[float, float, float]:
        """Bytes of a position of V and of M, and those of all positions that are transformed at a time."""
        unit = self.unit
        v_bytes, m_bytes = (unit.algorithm.elements * pitch * REAL.bytes for pitch in (unit.v_pitch, unit.m_pitch))
        return v_bytes, m_bytes, self.at_once * (v_bytes + m_bytes)

    def phase(self, tile: tuple[int, int]) -> Phase:
        """Return what they take by a register tile (rows, vectors)."""
        target, elements, (rows, vectors) = self.unit.target, self.unit.algorithm.elements, tile
        if self.of_images:
            # Filters are the rows, in tiles of even sizes; each position meets all of them in turn.
            parts, passes, v_reads, filters = spread(self.filters, rows), self.tiles, 1, self.filters
            each = {part: tile_cycles(target, part, vectors, self.channels) for part in {*parts}}
        else:
            # Positions are the rows; each panel of filters meets all of them in turn. The last ones may be fewer.
            parts = spread(-(-self.filters // target.lanes), vectors)
            units, rest = divmod(self.tiles, self.at_once)
            passes, v_reads = units * -(-self.at_once // rows) - (-rest // rows), len(parts)
            filters = sum(parts) * target.lanes
            each = {part: tile_cycles(target, rows, part, self.channels) for part in {*parts}}
        weight_bytes, (v_bytes, m_bytes, held) = elements * filters * self.channels * REAL.bytes, self.scratch_bytes
        # Weights pass once for each unit of positions; those of an element come back with each tile of a unit.
        units_of_block = self.tiles / self.at_once
        streams = (
            Weights(weight_bytes),
            Loop(weight_bytes * max(0.0, units_of_block - 1 / self.setting.blocks), weight_bytes),
            Loop(weight_bytes * max(0.0, passes - units_of_block), weight_bytes / elements),
            Handed(self.tiles * v_bytes, held),
            Loop((v_reads - 1) * self.tiles * v_bytes, held),
            Handed(self.tiles * m_bytes, held),
            Loop(self.tiles * m_bytes, held),
        )
        return Phase(elements * passes * sum(each[part] for part in parts), streams, elements * len(parts))

    @shared
    def fastest(self) -> tuple[int, int]:
        """Return the tile of the channel schedule that should take the least time."""
        target = self.unit.target

        def time(tile: tuple[int, int]) -> float:
            return self.phase(tile).time(target.rates, self.setting)

        return fastest_tile(target, -(-self.filters // target.lanes), self.at_once, time)


def filtering_phases(lowering: Lowering, unit: Unit, tile: tuple[int, int]) -> tuple[Phase, ...]:
    """Return the phases of the kernel, whose products are computed by a register tile (rows, vectors)."""
    algorithm, lanes, top, products = unit.algorithm, lowering.target.lanes, lowering.top(), Products.of(lowering, unit)
    x_vectors, y_vectors = (layout.position_elements // lanes for layout in (lowering.bottom(), top))
    of_input, of_result = _TRANSFORM_CYCLES[algorithm.outputs]
    read, written, tiles = lowering.read, lowering.written, products.tiles
    # Tiles overlap: of 6 x 6 inputs 4 x 4 are read for the first time; the others are still there from the last row.
    again = Loop(read.bytes * (algorithm.inputs**2 / algorithm.outputs**2 - 1), read.held / top.height)
    v_bytes, m_bytes, held = products.scratch_bytes
    # Elements of V and M are far apart: what is written to them, and read, does not go beside the arithmetic.
    level = lowering.target.rates.level(held, lowering.setting.threads)
    of_input, of_result = x_vectors * of_input + 2 * v_bytes / level.each, y_vectors * of_result + m_bytes / level.each
    inputs = Phase(tiles * (of_input + _TILE), (read, again, Handed(tiles * v_bytes, held)), tiles)
    results = Phase(tiles * (of_result + _TILE), (written, Handed(tiles * m_bytes, held)), tiles)
    return inputs, products.phase(tile), results
