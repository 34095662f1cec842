"""3x3 convolution with stride 1 by Winograd's minimal filtering, where that takes less time than the direct sums.

Direct convolution multiplies 9 C values for a result, less at the border; F(4x4, 3x3) takes 36 / 16 C, F(2x2, 3x3) 4 C,
but both transform inputs and results. What remains of a tile that reaches over the border is computed and dropped, so
a map of 2x2 gains nothing.
"""

from collections.abc import Iterable

from xdn.kernels.contract.direct import direct_cycles
from xdn.kernels.contract.task import filters_of
from xdn.kernels.core.choice import WINOGRADS, Choice
from xdn.kernels.core.family import Lowering, packed_weights
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.layout import BATCH
from xdn.kernels.core.rules import by_geometry
from xdn.kernels.core.work import cycles_of
from xdn.kernels.winograd.tiles import unit_of
from xdn.kernels.winograd.transform import WINOGRAD, Winograd
from xdn.kernels.winograd.work import Products, filtering_phases
from xdn.layers.window import Window

#: How many times the direct sums must take it: below that, their smaller rounding error is worth more.
_LEAST_GAIN = 1.05


def _cycles(lowering: Lowering, algorithm: Winograd) -> float:
    """Return about how many cycles a block of images takes."""
    unit = unit_of(lowering, algorithm)
    tile = lowering.target.tile() if lowering.schedule is BATCH else Products.of(lowering, unit).fastest()
    return cycles_of(filtering_phases(lowering, unit, tile), lowering.target.rates, lowering.setting)


def best_algorithm(lowering: Lowering) -> Winograd | None:
    """Return the algorithm that is chosen, else the one that should take the least time; None for the direct sums."""
    params = filters_of(lowering.layer)
    window = params.window_over(lowering.bottoms[0])
    fits = window == Window((3, 3), pad=window.pad) and params.group == 1 and lowering.layer.projection is None
    asked = lowering.choice.algorithm
    if not (fits and lowering.winograd) or (asked and asked not in WINOGRADS):
        return None
    if asked:
        return next(algorithm for m, algorithm in WINOGRAD.items() if asked == _name(m))
    return _fastest(lowering)


@by_geometry
def _fastest(lowering: Lowering) -> Winograd | None:
    """Return the algorithm that should take the least time, None for the direct sums."""
    best, least = None, direct_cycles(lowering)
    for algorithm in WINOGRAD.values():
        cycles = _cycles(lowering, algorithm)
        if _LEAST_GAIN * cycles < least:
            best, least = algorithm, cycles
    return best


def _name(outputs: int) -> str:
    """Return what a choice calls F(outputs x outputs, 3x3)."""
    return f"winograd{outputs}"


def winograd_choices(lowering: Lowering, tiles: Iterable[tuple[int, int]]) -> list[Choice]:
    """Return the choices of the algorithm that `best_algorithm` gives, with each register tile."""
    algorithm = best_algorithm(lowering)
    assert algorithm is not None
    return [Choice(_name(algorithm.outputs), tile) for tile in tiles]


def winograd_footprint(lowering: Lowering) -> Footprint:
    """Return what transformed filters take, which are made in f64, and the tables of offsets, 36 for 16 positions."""
    weights, positions = packed_weights(lowering), lowering.top().positions
    return Footprint(4 * weights.kept, 16 * weights.kept) + Footprint(32 * positions, 64 * positions)
