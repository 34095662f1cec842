"""3x3 convolution with stride 1 by Winograd's minimal filtering, where that takes less time than the direct sums.

Direct convolution multiplies 9 C values for a result, less at the border; F(4x4, 3x3) takes 36 / 16 C, F(2x2, 3x3) 4 C,
but both transform inputs and results. What remains of a tile that reaches over the border is computed and dropped, so
a map of 2x2 gains nothing.
"""

from collections.abc import Iterable
from math import ceil

from xdn.kernels.contract.task import filters_of
from xdn.kernels.core.choice import WINOGRADS, Choice
from xdn.kernels.core.family import Lowering, packed_weights
from xdn.kernels.core.footprint import Footprint
from xdn.kernels.core.taps import count_taps
from xdn.kernels.winograd.transform import WINOGRAD, Winograd
from xdn.layers.window import Window

#: Cycles that the transforms of inputs and of outputs take for a channel of a tile and a vector of images, by m; most
#: go to rows that come from the second level of the cache and return there.
_TRANSFORM_CYCLES = {2: (70.0, 60.0), 4: (200.0, 160.0)}
#: Vectors that a processor multiplies and adds in a cycle, times the share of it that contractions reach.
_VECTORS_A_CYCLE = 2 * 0.88
#: How many times the direct sums must take it: below that, their smaller rounding error is worth more.
_LEAST_GAIN = 1.05


def _cycles(lowering: Lowering, algorithm: Winograd) -> float:
    """Return about how many cycles a vector of images takes."""
    c, top = lowering.bottom().channels, lowering.top()
    tiles = ceil(top.height / algorithm.outputs) * ceil(top.width / algorithm.outputs)
    of_input, of_output = _TRANSFORM_CYCLES[algorithm.outputs]
    products = algorithm.elements * c * top.channels / _VECTORS_A_CYCLE
    return tiles * (products + of_input * c + of_output * top.channels)


def _direct_cycles(lowering: Lowering) -> float:
    """Return about how many cycles the direct sums of a vector of images take."""
    sizes, outputs = lowering.bottoms[0].shape[2:], lowering.tops[0].shape[2:]
    taps = count_taps(sizes, outputs, filters_of(lowering.layer).window(2))
    return taps * lowering.bottom().channels * lowering.top().channels / _VECTORS_A_CYCLE


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
    best = min(WINOGRAD.values(), key=lambda algorithm: _cycles(lowering, algorithm))
    return best if _LEAST_GAIN * _cycles(lowering, best) < _direct_cycles(lowering) else None


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
