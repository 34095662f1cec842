"""What Strassen's algorithm takes, as a roofline sees it: sums of inputs, products, and sums of products in between."""

from dataclasses import replace

from xdn.element import REAL
from xdn.kernels.contract.channel import best_order, best_tile
from xdn.kernels.contract.task import spread
from xdn.kernels.contract.work import Depth, Sums
from xdn.kernels.core.choice import PANELS
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.layout import BATCH
from xdn.kernels.core.work import Phase, cycles_of
from xdn.kernels.strassen.halves import Unit, halves_of
from xdn.kernels.strassen.products import FACTORS, PARTS, depth

#: The part of the cache's rate at which sums are read, added and written.
_SUMMED = 0.7
#: How much longer the chains of one image take than those of direct sums, since they are begun more often, and threads
#: wait for each other after each unit of pairs: of five layers of 512 channels at 14x14 one thread gains 5 % where 9
#: are counted, and two threads lose 6 (Zen 4).
_BEGUN = 1.12
#: Pairs of positions that are computed at a time at least, so that weights, which may lie outside of the core's cache,
#: are read seldom.
_LEAST_PAIRS = 24
#: Pairs of a register tile at most: values of more may lie a power of two apart, in one set of the first cache.
_MOST_ROWS = 8


def unit_of_pairs(lowering: Lowering) -> Unit:
    """Return which pairs are computed at a time."""
    return Unit.of(lowering, _LEAST_PAIRS)


def pairs_at_once(lowering: Lowering) -> int:
    """Return how many pairs of an image are computed at a time."""
    return min(halves_of(lowering).pairs, unit_of_pairs(lowering).pairs)


def tile_and_order(lowering: Lowering) -> tuple[tuple[int, int], str]:
    """Return the register tile, and the order of the loops."""
    halves, setting, choice, pairs = halves_of(lowering), lowering.setting, lowering.choice, pairs_at_once(lowering)
    # The weights of a part: those of three products at most.
    bytes_of_pairs = pairs * unit_of_pairs(lowering).pitch * REAL.bytes
    sums = Sums(lowering.target, (Depth(pairs, 3.0 * halves.half),), bytes_of_pairs)
    tile = choice.tile or best_tile(sums, halves.half_filters, 1, setting, _MOST_ROWS)
    panels = spread(halves.half_filters // lowering.target.lanes, tile[1])
    return tile, choice.order or best_order(sums, tile[0], panels, setting)


def strassen_cycles(lowering: Lowering) -> float:
    """Return about how many cycles a block of images takes, by the tile that is chosen."""
    target = lowering.target
    tile, order = (target.tile(), PANELS) if lowering.schedule is BATCH else tile_and_order(lowering)
    return cycles_of(strassen_phases(lowering, tile, order), target.rates, lowering.setting)


def strassen_phases(lowering: Lowering, tile: tuple[int, int], order: str) -> tuple[Phase, ...]:
    """Return the phases of the kernel by a register tile and, in the channel schedule, an order of the loops."""
    halves, target, x_bytes = halves_of(lowering), lowering.target, lowering.bottom().block_bytes
    rows, vectors = tile

    def phase(positions: int, products: float, filters: int) -> Phase:
        sums = Sums(target, (Depth(positions, products),), x_bytes)
        if lowering.schedule is BATCH:
            return sums.by_images(spread(filters, rows))
        return sums.by_channels(rows, spread(-(-filters // target.lanes), vectors), order)

    # A pair of positions has the sums of one: seven chains of products, in parts that reread their own weights only.
    products, deep = len(FACTORS), depth(halves.half, halves.rest)
    part = phase(halves.pairs, deep / len(PARTS), halves.half_filters)
    streams = tuple(replace(stream, bytes=stream.bytes * len(PARTS)) for stream in part.streams)
    cycles = products * phase(halves.pairs, deep / products, halves.half_filters).cycles
    cycles = cycles * (1.0 if lowering.schedule is BATCH else _BEGUN) + _moved_cycles(lowering)
    whole = Phase(cycles, (lowering.read, lowering.written, *streams), part.parts)
    if not halves.rest_filters:
        return (whole,)
    return whole, phase(halves.positions, float(halves.channels), halves.rest_filters)


def _moved_cycles(lowering: Lowering) -> float:
    """Return the cycles of sums: each input is in one, and of the products three of four quarters are kept and read."""
    halves, rates = halves_of(lowering), lowering.target.rates
    moved = halves.pairs * (4 * 2 * halves.half + 3 * 2 * halves.half_filters) * lowering.bottom().images * REAL.bytes
    return moved / (_SUMMED * rates.levels[1].each)
