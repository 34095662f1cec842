"""When a pointwise convolution is computed by Strassen's algorithm: where that takes less time than direct sums.

One product of eight is saved, for which sums of inputs are made, sums of products pass a cache, weights are 7/4 as
many, and chains of products, half as long, are begun 7/4 as often.
"""

from xdn.element import REAL
from xdn.kernels.contract.task import filters_of
from xdn.kernels.core.choice import STRASSEN
from xdn.kernels.core.family import Lowering, packed_weights
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.strassen.halves import Halves, halves_of
from xdn.kernels.strassen.products import FACTORS, depth

#: Multiply-adds in a cycle that contractions reach: of two vectors of AVX2, or of one of AVX-512.
_MULTIPLIED = 16 * 0.95
#: Bytes in a cycle from the core's own cache; and of weights, from beyond it, that nothing else hides.
_CACHE_BYTES, _OUTER_BYTES = 30.0, 16.0
#: Cycles until the chains of a register tile run at that rate; its positions, and filters at most: 4 vectors of 16.
_START, _ROWS, _FILTERS = 150.0, 6, 64
#: How many times the direct sums must take it: below that, their smaller rounding error is worth more.
_LEAST_GAIN = 1.03


def _cycles(macs: int, weights: int, sums: int, filters: int) -> float:
    """Return about how many cycles products take.

    Parameters
    ----------
    macs : int
        Multiply-adds.
    weights : int
        That one image reads.
    sums : int
        Chains of products, of `filters` filters side by side.
    """
    tiles = sums / (_ROWS * min(filters, _FILTERS))
    return macs / _MULTIPLIED + weights * REAL.bytes / _OUTER_BYTES + tiles * _START


def _strassen_cycles(halves: Halves) -> float:
    """Return about how many cycles an image takes.

    Every input is read once and stands in one sum; of the products, three of four quarters are stored and loaded.
    """
    rest = halves.positions * halves.rest_filters
    macs = halves.product_macs + rest * halves.channels
    weights = halves.half_filters * depth(halves.half, halves.rest) + halves.rest_filters * halves.channels
    sums = halves.pairs * halves.half_filters * len(FACTORS) + rest
    moved = halves.pairs * (4 * 2 * halves.half + 3 * 2 * halves.half_filters) * REAL.bytes
    return _cycles(macs, weights, sums, halves.half_filters) + moved / _CACHE_BYTES


def _direct_cycles(halves: Halves) -> float:
    """Return about how many cycles the direct sums of an image take."""
    weights = halves.channels * halves.filters
    return _cycles(halves.positions * weights, weights, halves.positions * halves.filters, halves.filters)


def takes(lowering: Lowering) -> bool:
    """Return whether a layer is computed so: because that is chosen, or because it should take less time."""
    params, asked = filters_of(lowering.layer), lowering.choice.algorithm
    pointwise = params.window_over(lowering.bottoms[0]).is_point and params.group == 1
    if not (pointwise and lowering.winograd and lowering.layer.projection is None and asked in (None, STRASSEN)):
        return False
    halves = halves_of(lowering)
    if halves.positions == 1 or not (halves.half and halves.half_filters):
        return False
    return bool(asked) or _LEAST_GAIN * _strassen_cycles(halves) < _direct_cycles(halves)


def strassen_footprint(lowering: Lowering) -> Footprint:
    """Return what weights take, 7/4 of those of direct sums and made in f64, and the table of pairs."""
    weights, positions = packed_weights(lowering), lowering.top().positions
    return Footprint(2 * weights.kept, 6 * weights.kept) + Footprint(16 * positions, 100 * positions)
