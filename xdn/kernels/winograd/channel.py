"""3x3 convolution with stride 1 of one image by Winograd's minimal filtering.

The algorithm is chosen from the layer's shape alone, as in the batch schedule: both give the same bits.
"""

import numpy as np

from xdn.element import REAL, Element, real
from xdn.graph import Array
from xdn.kernels.contract.channel import best_tile, tile_choices
from xdn.kernels.contract.task import require_range, spread
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.choice import Choice
from xdn.kernels.core.epilogue import epilogue_parts
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.packing import packed_once
from xdn.kernels.winograd.algorithm import best_algorithm, winograd_choices, winograd_footprint
from xdn.kernels.winograd.channel_kernel import winograd
from xdn.kernels.winograd.tiles import Unit, filtering, filtering_macs, tile_tables
from xdn.kernels.winograd.transform import Winograd

#: Positions that are transformed at a time at least, so that the transformed filters, which may lie outside of the
#: core's cache, are read seldom.
_LEAST_POSITIONS = 24


def _unit(lowering: Lowering) -> Unit:
    """Return which positions are transformed at a time."""
    algorithm, lanes = best_algorithm(lowering), lowering.target.lanes
    assert algorithm is not None
    # Distances that are powers of two would all fall into one set of a cache.
    v_pitch, m_pitch = (layout.position_elements + lanes for layout in (lowering.bottom(), lowering.top()))
    return Unit(algorithm, lowering.target, v_pitch, m_pitch, _LEAST_POSITIONS)


def _most_positions(lowering: Lowering, unit: Unit) -> int:
    """Return how many positions of one image are multiplied at a time."""
    inputs, _ = tile_tables(lowering, unit.algorithm)
    return min(unit.positions, len(inputs))


def _choices(lowering: Lowering) -> list[Choice]:
    """Return the choices of an algorithm: the register tiles of its products."""
    positions = _most_positions(lowering, _unit(lowering))
    return winograd_choices(lowering, tile_choices(lowering.top().channels, [positions], lowering.target))


@family(
    "channel_winograd",
    "Convolution",
    when=lambda lowering: best_algorithm(lowering) is not None,
    rank=2,
    fuses=True,
    footprint=winograd_footprint,
    schedules=(CHANNEL,),
    choices=_choices,
)
def lower_winograd(lowering: Lowering) -> Lowered:
    """Transform tiles of an image, multiply, transform back: 36 products instead of 144 for 4x4 results."""
    require_range(lowering)
    unit, layer, channels, target = _unit(lowering), lowering.layer, lowering.top().channels, lowering.target
    algorithm, positions = unit.algorithm, _most_positions(lowering, unit)
    rows, vectors = lowering.choice.tile or best_tile(channels, [positions], target)
    sizes = spread(-(-channels // target.lanes), vectors)
    weights = pack_panels(layer.weights["weight"], algorithm, [size * target.lanes for size in sizes], lowering.weights)
    words = filtering(lowering, unit, weights, sizes, rows)
    source = winograd(algorithm.outputs, (rows, sizes[0]), epilogue_parts(layer), target)
    step = Step(source, words, filtering_macs(lowering, algorithm))
    return Lowered([step], in_place=lowering.over_residual())


@packed_once
def pack_panels(weight: Array, algorithm: Winograd, sizes: list[int], stored: Element = REAL) -> Array:
    """Return (elements, panels, C, filters of a panel), flat: transformed filters, zeros after the last.

    Parameters
    ----------
    weight : (K, C, 3, 3)
    algorithm : Winograd
    sizes : list of int
        Filters of each panel.
    """
    made = algorithm.transformed(stored.rounded(weight))
    elements, filters, channels = made.shape
    padded = np.zeros((elements, channels, sum(sizes)), real)
    padded[:, :, :filters] = made.transpose(0, 2, 1)
    ends = np.cumsum(sizes)[:-1]
    panels = [panel.reshape(elements, -1) for panel in np.split(padded, ends, axis=2)]
    return aligned_vectors(np.concatenate(panels, axis=1))
