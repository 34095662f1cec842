"""What Strassen's algorithm takes, as a roofline sees it: sums of inputs, products, and sums of products in between."""

from dataclasses import replace

from xdn.element import REAL
from xdn.kernels.contract.task import spread
from xdn.kernels.contract.work import Depth, Sums, usual_tile
from xdn.kernels.core.choice import ORDERS
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.layout import BATCH
from xdn.kernels.core.work import Phase, cycles_of
from xdn.kernels.strassen.halves import halves_of
from xdn.kernels.strassen.products import FACTORS, PARTS, depth

#: The part of the cache's rate at which sums are read, added and written.
_SUMMED = 0.7
#: How much longer the chains of one image take than those of direct sums, since they are begun more often, and threads
#: wait for each other after each unit of pairs: of five layers of 512 channels at 14x14 one thread gains 5 % where 9
#: are counted, and two threads lose 6 (Zen 4).
_BEGUN = 1.12


def strassen_cycles(lowering: Lowering) -> float:
    """Return about how many cycles a block of images takes, by a usual tile."""
    target, halves = lowering.target, halves_of(lowering)
    tile = target.tile()
    if lowering.schedule is not BATCH:
        tile = usual_tile(target, halves.pairs, -(-halves.half_filters // target.lanes))
    found = (strassen_phases(lowering, tile, order) for order in ORDERS)
    return min(cycles_of(phases, target.rates, lowering.setting) for phases in found)


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
