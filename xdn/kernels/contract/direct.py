"""About what direct sums of a convolution take, before tap lists are made: other algorithms are compared with these."""

from xdn.kernels.contract.channel import best_order, best_tile
from xdn.kernels.contract.task import filters_of, spread
from xdn.kernels.contract.work import Depth, Sums
from xdn.kernels.core.family import Lowering
from xdn.kernels.core.layout import BATCH
from xdn.kernels.core.taps import count_lists
from xdn.kernels.core.work import cycles_of


def direct_cycles(lowering: Lowering) -> float:
    """Return about how many cycles the direct sums of a block of images take, by the tile that is chosen."""
    target, top, bottom, setting = lowering.target, lowering.top(), lowering.bottom(), lowering.setting
    window = filters_of(lowering.layer).window_over(lowering.bottoms[0])
    lists = count_lists(lowering.bottoms[0].shape[2:], lowering.tops[0].shape[2:], window)
    depths = tuple(Depth(positions, float(taps * bottom.channels)) for positions, taps in lists)
    sums = Sums(target, depths, bottom.block_bytes, (lowering.read, lowering.written))
    if lowering.schedule is BATCH:
        return cycles_of([sums.by_images(spread(top.channels, target.tile()[0]))], target.rates, setting)
    rows, vectors = best_tile(sums, top.channels, 1, setting)
    panels = spread(-(-top.channels // target.lanes), vectors)
    phase = sums.by_channels(rows, panels, best_order(sums, rows, panels, setting))
    return cycles_of([phase], target.rates, setting)
