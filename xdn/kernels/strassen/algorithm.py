"""When a pointwise convolution is computed by Strassen's algorithm: where that takes less time than direct sums.

One product of eight is saved, for which sums of inputs are made, sums of products pass a cache, weights are 7/4 as
many, and chains of products, half as long, are begun 7/4 as often (`work.py`).
"""

from xdn.kernels.contract.direct import direct_cycles
from xdn.kernels.contract.task import filters_of
from xdn.kernels.core.choice import STRASSEN
from xdn.kernels.core.family import Lowering, packed_weights
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.rules import by_geometry
from xdn.kernels.strassen.halves import halves_of
from xdn.kernels.strassen.work import strassen_cycles

#: How many times the direct sums must take it: below that, their smaller rounding error is worth more.
_LEAST_GAIN = 1.03


def takes(lowering: Lowering) -> bool:
    """Return whether a layer is computed so: because that is chosen, or because it should take less time."""
    params, asked = filters_of(lowering.layer), lowering.choice.algorithm
    pointwise = params.window_over(lowering.bottoms[0]).is_point and params.group == 1
    if not (pointwise and lowering.winograd and lowering.layer.projection is None and asked in (None, STRASSEN)):
        return False
    halves = halves_of(lowering)
    if halves.positions == 1 or not (halves.half and halves.half_filters):
        return False
    return bool(asked) or _pays(lowering)


@by_geometry
def _pays(lowering: Lowering) -> bool:
    """Return whether the algorithm should take less time than direct sums."""
    return _LEAST_GAIN * strassen_cycles(lowering) < direct_cycles(lowering)


def strassen_footprint(lowering: Lowering) -> Footprint:
    """Return what weights take, 7/4 of those of direct sums and made in f64, and the table of pairs."""
    weights, positions = packed_weights(lowering), lowering.top().positions
    return Footprint(2 * weights.kept, 6 * weights.kept) + Footprint(16 * positions, 100 * positions)
