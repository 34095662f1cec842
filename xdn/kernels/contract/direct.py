"""About what direct sums of a convolution take, before tap lists are made: other algorithms are compared with these."""

from xdn.kernels.contract.task import filters_of, spread
from xdn.kernels.contract.work import Depth, Sums, usual_tile
from xdn.kernels.core.choice import ORDERS
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.layout import BATCH
from xdn.kernels.core.taps import count_taps
from xdn.kernels.core.work import cycles_of


def direct_cycles(lowering: Lowering) -> float:
    """Return about how many cycles the direct sums of a block of images take, by a usual tile."""
    target, top, bottom, setting = lowering.target, lowering.top(), lowering.bottom(), lowering.setting
    window = filters_of(lowering.layer).window_over(lowering.bottoms[0])
    taps = count_taps(lowering.bottoms[0].shape[2:], lowering.tops[0].shape[2:], window)
    depth = Depth(top.positions, taps / top.positions * bottom.channels)
    sums = Sums(target, (depth,), bottom.block_bytes, (lowering.read, lowering.written))
    if lowering.schedule is BATCH:
        return cycles_of([sums.by_images(spread(top.channels, target.tile()[0]))], target.rates, setting)
    vectors = -(-top.channels // target.lanes)
    rows, most = usual_tile(target, top.positions, vectors)
    phases = (sums.by_channels(rows, spread(vectors, most), order) for order in ORDERS)
    return min(cycles_of([phase], target.rates, setting) for phase in phases)
