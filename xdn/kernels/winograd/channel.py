"""3x3 convolution with stride 1 of one image by Winograd's minimal filtering.

By the same algorithm the batch schedule gives the same bits; of one image it is chosen less often, where few positions
share the transformed filters.
"""

import numpy as np

from xdn.element import REAL, Element, real
from xdn.graph import Array
from xdn.kernels.contract.channel import tile_choices
from xdn.kernels.contract.task import require_range, spread
from xdn.kernels.core.aligned import aligned_vectors
from xdn.kernels.core.choice import Choice
from xdn.kernels.core.epilogue import epilogue_parts
from xdn.kernels.core.family import Lowered, Lowering, Step, family
from xdn.kernels.core.layout import CHANNEL
from xdn.kernels.core.packing import packed_once
from xdn.kernels.core.work import Phase
from xdn.kernels.winograd.algorithm import best_algorithm, winograd_choices, winograd_footprint
from xdn.kernels.winograd.channel_kernel import winograd
from xdn.kernels.winograd.tiles import Unit, filtering, filtering_macs, unit_of
from xdn.kernels.winograd.transform import Winograd
from xdn.kernels.winograd.work import Products, filtering_phases


def _unit(lowering: Lowering) -> Unit:
    """Return which positions are transformed at a time."""
    algorithm = best_algorithm(lowering)
    assert algorithm is not None
    return unit_of(lowering, algorithm)


def _tile(lowering: Lowering, unit: Unit) -> tuple[int, int]:
    """Return the register tile of the products."""
    return lowering.choice.tile or Products.of(lowering, unit).fastest()


def _phases(lowering: Lowering) -> tuple[Phase, ...]:
    """Return what the transforms and the products take."""
    unit = _unit(lowering)
    return filtering_phases(lowering, unit, _tile(lowering, unit))


def _choices(lowering: Lowering) -> list[Choice]:
    """Return the choices of an algorithm: the register tiles of its products."""
    positions = Products.of(lowering, _unit(lowering)).at_once
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
    phases=_phases,
)
def lower_winograd(lowering: Lowering) -> Lowered:
    """Transform tiles of an image, multiply, transform back: 36 products instead of 144 for 4x4 results."""
    require_range(lowering)
    unit, layer, channels, target = _unit(lowering), lowering.layer, lowering.top().channels, lowering.target
    algorithm, (rows, vectors) = unit.algorithm, _tile(lowering, unit)
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
