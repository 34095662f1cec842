"""What contractions take, as a roofline sees it: of both schedules, and of the products within Winograd's algorithm.

The loops around the tiles are those of `batch_kernel.py` and `channel_kernel.py`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from xdn.codegen.target import Target
from xdn.element import REAL
from xdn.kernels.contract.task import spread
from xdn.kernels.core.choice import PANELS
from xdn.kernels.core.work import Loop, Others, Phase, Stream, Weights

#: Cycles beside the loop over channels: of each tile, of each of its rows, and of each vector of sums.
_TILE, _ROW, _SUM = 30.0, 2.0, 1.0
#: Scalars' addresses that fit into a processor's general registers beside the loop's own.
_MOST_ROWS = 12
#: Vectors of a panel at most: enough chains for one position alone to keep the multipliers busy.
_MOST_VECTORS = 8
#: How much longer a tile may take that loads less.
_AS_GOOD = 1.01


@dataclass(frozen=True)
class Depth:
    """Output positions that share their tap lists, and the products of each of their sums."""

    positions: int
    products: float


@dataclass(frozen=True)
class Sums:
    """What a contraction computes, before it is cut into tiles.

    Parameters
    ----------
    target : Target
    depths : tuple of Depth
    x_bytes : float
        Of what is read of a block.
    blobs : tuple of streams
        That pass from step to step.
    """

    target: Target
    depths: tuple[Depth, ...]
    x_bytes: float
    blobs: tuple[Stream, ...] = ()

    @property
    def deepest(self) -> float:
        """Products of the longest sum: weights of a filter that are used."""
        return max(depth.products for depth in self.depths)

    def by_channels(self, rows: int, panels: Sequence[int], order: str, own_tiles: bool = False) -> Phase:
        """Return the phase of the channel schedule, whose tiles have `rows` positions, and panels so many vectors.

        `order` is one of `ORDERS`: whether all panels of a tile follow each other, or all tiles of a panel; in this
        order threads have panels of their own each, or tiles.
        """
        target = self.target
        tiles = [(-(-depth.positions // rows), depth.products) for depth in self.depths]
        cycles = sum(
            panels.count(vectors) * count * tile_cycles(target, rows, vectors, products)
            for vectors in {*panels}
            for count, products in tiles
        )
        all_tiles, vector_bytes = sum(count for count, _ in tiles), target.vector_bytes * self.deepest
        weight_bytes = sum(panels) * vector_bytes
        again = weight_bytes * (all_tiles - 1)
        loops: list[Stream] = [Loop(again, weight_bytes)]
        if order != PANELS:
            loops = [Loop(again, max(panels) * vector_bytes), Loop(self.x_bytes * (len(panels) - 1), self.x_bytes)]
            if not own_tiles:
                loops.append(Others(self.x_bytes))
        weights = Weights(weight_bytes, by_each=order != PANELS and own_tiles)
        return Phase(cycles, (*self.blobs, weights, *loops), all_tiles * len(panels))

    def by_images(self, sizes: Sequence[int]) -> Phase:
        """Return the phase of the batch schedule, whose tiles have `sizes` filters."""
        vectors = self.target.tile()[1]
        cycles = sum(
            sizes.count(rows) * depth.positions * tile_cycles(self.target, rows, vectors, depth.products)
            for rows in {*sizes}
            for depth in self.depths
        )
        weight_bytes = sum(sizes) * self.deepest * REAL.bytes
        groups = -(-len(sizes) // tile_group(len(sizes), weight_bytes, self.target))
        positions = sum(depth.positions for depth in self.depths)
        loops = [
            Loop(weight_bytes * (positions - 1), weight_bytes / groups),
            Loop(self.x_bytes * (groups - 1), self.x_bytes),
        ]
        return Phase(cycles, (*self.blobs, Weights(weight_bytes), *loops))


def tile_cycles(target: Target, rows: int, vectors: int, products: float) -> float:
    """Return the cycles of one register tile, operands in the first cache.

    Each step of its loop loads `vectors` vectors and `rows` scalars, and multiplies each with each.
    """
    rates = target.rates
    loads = vectors * target.vector_bytes / rates.levels[0].one + rows / rates.scalars
    return products * rates.step(rows, vectors, loads) + _TILE + rows * _ROW + rows * vectors * _SUM


def tiles_of(target: Target) -> Iterator[tuple[int, int]]:
    """Return the tiles (MR, NV) of the channel schedule that fill the registers: sums, a panel's weights, a scalar."""
    for vectors in range(1, _MOST_VECTORS + 1):
        rows = min(_MOST_ROWS, (target.registers - vectors - 1) // vectors)
        if rows:
            yield rows, vectors


def fastest_tile(
    target: Target, columns: int, positions: int, time: Callable[[tuple[int, int]], float]
) -> tuple[int, int]:
    """Return the tile (MR, NV) of the channel schedule that takes the least time.

    Of those nearly as fast it is one that loads the fewest operands for each product: a core may have to share its
    slots for these.

    Parameters
    ----------
    target : Target
    columns : int
        Vectors of all filters.
    positions : int
    time : callable
        (MR, NV) -> what all tiles take.
    """
    fitting = [(most, v) for most, v in tiles_of(target) if v == spread(columns, v)[0]]
    times = {(rows, v): time((rows, v)) for most, v in fitting for rows in range(1, min(most, positions) + 1)}
    near = _AS_GOOD * min(times.values())
    return min(
        (tile for tile, each in times.items() if each <= near), key=lambda tile: (1 / tile[0] + 1 / tile[1], tile)
    )


def tile_group(tiles: int, weight_bytes: float, target: Target) -> int:
    """Return how many tiles' weights fill a quarter of the core's cache, one at least."""
    return max(1, min(tiles, int(tiles * (target.core_cache_bytes // 4) // max(1, weight_bytes))))
