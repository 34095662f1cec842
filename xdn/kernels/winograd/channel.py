"""3x3 convolution with stride 1 of one image by Winograd's minimal filtering.

The algorithm is chosen from the layer's shape alone, as in the batch schedule: both give the same bits.
"""

import numpy as np

from xdn import settings
from xdn.codegen.target import core_cache_bytes
from xdn.kernels.contract.channel import best_tile, tile_choices
from xdn.kernels.contract.task import spread
from xdn.kernels.core.choice import Choice
from xdn.kernels.core.descriptor import address
from xdn.kernels.core.epilogue import coefficients, epilogue_parts
from xdn.kernels.core.family import Lowered, Lowering, Step, family, words
from xdn.kernels.core.layout import CHANNEL, F32_BYTES, LANES, aligned_bytes, aligned_vectors
from xdn.kernels.core.packing import packed_once
from xdn.kernels.winograd import channel_kernel as k
from xdn.kernels.winograd.batch import best_algorithm, tile_tables, winograd_choices, winograd_footprint
from xdn.kernels.winograd.transform import Winograd

#: Places that are transformed at a time at least, so that the transformed filters, which may lie outside of the core's
#: cache, are read seldom.
_LEAST_PLACES = 24


def _places(lowering: Lowering, algorithm: Winograd) -> tuple[int, int, int]:
    """Return the f32 of a place of transformed inputs, and of products; how many places are transformed at a time."""
    # Distances that are powers of two would all fall into one set of a cache.
    v_place, m_place = lowering.bottom().position_elements + LANES, lowering.top().position_elements + LANES
    place_bytes = algorithm.elements * (v_place + m_place) * F32_BYTES
    return v_place, m_place, max(_LEAST_PLACES, core_cache_bytes() // 2 // place_bytes)


def _choices(lowering: Lowering) -> list[Choice]:
    """Return the choices of an algorithm: the register tiles of its products."""
    algorithm = best_algorithm(lowering)
    assert algorithm is not None
    inputs, _ = tile_tables(lowering, algorithm)
    places = min(_places(lowering, algorithm)[2], len(inputs))
    return winograd_choices(lowering, tile_choices(lowering.top().channels, [places], lowering.target))


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
    algorithm = best_algorithm(lowering)
    assert algorithm is not None
    layer, bottom, top = lowering.layer, lowering.bottom(), lowering.top()
    inputs, outputs = tile_tables(lowering, algorithm)
    v_place, m_place, unit = _places(lowering, algorithm)
    rows, vectors = lowering.choice.tile or best_tile(top.channels, [min(unit, len(inputs))], lowering.target)
    sizes = spread(-(-top.channels // lowering.target.lanes), vectors)
    weights = pack_panels(layer.weights["weight"], algorithm, [size * lowering.target.lanes for size in sizes])
    bias = aligned_vectors(layer.weights.get("bias", np.zeros(top.channels)), top.position_elements)
    slopes = aligned_vectors(coefficients(layer, top.channels), top.position_elements)
    zeros = aligned_bytes(bottom.position_elements * F32_BYTES, settings.ARENA_ALIGN_BYTES)
    descriptor = {
        k.WEIGHTS: address(weights),
        k.BIAS: address(bias),
        k.COEFFICIENTS: address(slopes),
        k.ZEROS: address(zeros),
        k.INPUTS: address(inputs),
        k.OUTPUTS: address(outputs),
        k.TILE_COUNT: len(inputs),
        k.UNIT: unit,
        k.CHANNELS: bottom.channels,
        k.X_PITCH: bottom.position_elements,
        k.Y_PITCH: top.position_elements,
        k.X_BLOCK: bottom.block_elements,
        k.Y_BLOCK: top.block_elements,
        k.FULL_PANELS: sizes.count(sizes[0]),
        k.SMALL_PANELS: len(sizes) - sizes.count(sizes[0]),
        k.V_PLACE: v_place,
        k.M_PLACE: m_place,
    }
    step = Step(
        k.winograd(algorithm.outputs, (rows, sizes[0]), epilogue_parts(layer), lowering.target),
        words(k.WORD_COUNT, descriptor),
        {k.X: layer.bottoms[0], k.Y: layer.tops[0]} | lowering.residual_at(k.RESIDUAL),
        (weights, bias, slopes, zeros, inputs, outputs),
        macs=len(inputs) * algorithm.elements * bottom.channels * top.channels,
        scratch={
            k.V: unit * algorithm.elements * v_place * F32_BYTES,
            k.M: unit * algorithm.elements * m_place * F32_BYTES,
        },
    )
    return Lowered([step], in_place=lowering.over_residual())


@packed_once
def pack_panels(weight: np.ndarray, algorithm: Winograd, sizes: list[int]) -> np.ndarray:
    """Return (elements, panels, C, filters of a panel), flat: transformed filters, zeros after the last.

    Parameters
    ----------
    weight : (K, C, 3, 3)
    algorithm : Winograd
    sizes : list of int
        Filters of each panel.
    """
    made = algorithm.transformed(weight)
    elements, filters, channels = made.shape
    padded = np.zeros((elements, channels, sum(sizes)), np.float32)
    padded[:, :, :filters] = made.transpose(0, 2, 1)
    ends = np.cumsum(sizes)[:-1]
    panels = [panel.reshape(elements, -1) for panel in np.split(padded, ends, axis=2)]
    return aligned_vectors(np.concatenate(panels, axis=1))
